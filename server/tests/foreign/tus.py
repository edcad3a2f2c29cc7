"""tuspy against the real server. Argument: what to do, as JSON; output: what happened, as one line of JSON."""

import hashlib
import json
import sys

from tusclient import client
from tusclient.exceptions import TusUploadFailed
from tusclient.storage import filestorage
from tusclient.uploader import Uploader

asked = json.loads(sys.argv[1])


class Wrong(Uploader):
    """Sums up other bytes than it sends."""

    CHECKSUM_ALGORITHM_PAIR = ("sha1", lambda chunk: hashlib.sha1(chunk + b"!"))


class Sha256(Uploader):
    """Sums up with the other algorithm."""

    CHECKSUM_ALGORITHM_PAIR = ("sha256", hashlib.sha256)


def uploader(kind=Uploader, **options):
    """An uploader that finds again what was begun before."""
    return kind(
        file_path=asked["file"],
        client=client.TusClient(asked["endpoint"], headers={"Cookie": asked["cookie"]}),
        metadata=asked["metadata"],
        chunk_size=asked["chunk"],
        store_url=True,
        url_storage=filestorage.FileStorage(asked["urls"]),
        **options,
    )


def whole(kind=Uploader, **options):
    """Sends all of it."""
    sending = uploader(kind, **options)
    resumed_at = sending.offset
    sending.upload()
    return {"url": sending.url, "offset": sending.offset, "resumed_at": resumed_at}


def begin():
    """Stops after the first chunk."""
    sending = uploader()
    sending.upload_chunk()
    return {"url": sending.url, "offset": sending.offset}


def wrong():
    """Sends one chunk with a wrong sum."""
    sending = uploader(Wrong, upload_checksum=True)
    try:
        sending.upload_chunk()
    except TusUploadFailed as refused:
        code = json.loads(refused.response_content)["code"]
        return {"url": sending.url, "status": refused.status_code, "code": code, "offset": sending.get_offset()}
    return {"url": sending.url, "status": 204}


tasks = {
    "whole": whole,
    "begin": begin,
    "wrong": wrong,
    "sha1": lambda: whole(upload_checksum=True),
    "sha256": lambda: whole(Sha256, upload_checksum=True),
}
print(json.dumps(tasks[asked["task"]]()))
