"""What a request to AWS that failed raises, for those who may not see boto3."""

from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS = (BotoCoreError, ClientError)
