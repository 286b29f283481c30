"""AWS Signature Version 4, against AWS's own worked examples."""

from datetime import UTC, datetime

from cloud.issues.sigv4 import Identity, signed

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
IDENTITY = Identity("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
BUCKET = "https://examplebucket.s3.amazonaws.com"


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_a_get_is_signed_as_aws_signs_it():
    headers = signed(IDENTITY, "GET", f"{BUCKET}/test.txt", b"", NOW, {"range": "bytes=0-9"})
    assert signature(headers) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
    )


def test_a_put_is_signed_as_aws_signs_it():
    more = {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    headers = signed(IDENTITY, "PUT", f"{BUCKET}/test$file.text", b"Welcome to Amazon S3.", NOW, more)
    assert signature(headers) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


def test_every_part_of_a_request_is_covered():
    base = signed(IDENTITY, "PUT", f"{BUCKET}/a", b"x", NOW)
    others = [
        signed(IDENTITY, "GET", f"{BUCKET}/a", b"x", NOW),
        signed(IDENTITY, "PUT", f"{BUCKET}/b", b"x", NOW),
        signed(IDENTITY, "PUT", f"{BUCKET}/a", b"y", NOW),
        signed(IDENTITY, "PUT", f"{BUCKET}/a", b"x", NOW.replace(hour=1)),
        signed(IDENTITY, "PUT", f"{BUCKET}/a", b"x", NOW, {"content-type": "image/png"}),
    ]
    assert len({signature(each) for each in [base, *others]}) == len(others) + 1
