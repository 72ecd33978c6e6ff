"""The bucket: packed tasks that are too large for an item of the table."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class BlobMissingError(Exception):
    """The bucket holds nothing of this name: its object has expired, or was deleted past the relay."""


class Blobs:
    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=data)

    def get(self, name: str) -> bytes:
        """Raises: BlobMissingError, in a function that may list the bucket; to others S3 says that access is denied."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except self._client.exceptions.NoSuchKey as error:
            raise BlobMissingError(name) from error
