"""One file per outside thing: they translate between the domain's words and the wire, and never decide."""
