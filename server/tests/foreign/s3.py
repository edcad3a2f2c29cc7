"""An S3 store for one run of the tests: prints its address once it has the bucket, and ends with its input."""

import logging
import sys

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"
keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys).create_bucket(Bucket="firsthand")
print(address, flush=True)
sys.stdin.read()
