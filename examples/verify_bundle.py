"""Checks an exported session with nothing but Python: `python verify_bundle.py BUNDLE.zip [LAST_HASH]`.

The files must be those of the manifest; each event's hash must be sha256(hash of the event before + its text); the log
must begin at event 1, have no gap, and end where the manifest and the session say. LAST_HASH is one you wrote down
elsewhere: only that proves that nobody made the whole bundle anew. Exit code: 0 whole, 1 not, 2 not readable.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator


def problems(bundle: zipfile.ZipFile, last_hash: str) -> Iterator[str]:
    manifest = json.loads(bundle.read("manifest.json"))
    extra = set(bundle.namelist()) - {"manifest.json", *manifest["files"]}
    yield from (f"{name} is not in the manifest" for name in sorted(extra))
    for name, file in manifest["files"].items():
        if digest_of(bundle, name) != file["sha256"]:
            yield f"{name} was changed: its checksum is not the one in the manifest"
        count = manifest["counts"][name.partition(".")[0]]
        if name.endswith("s.json") and len(json.loads(bundle.read(name))) != count:
            yield f"{name} does not hold the {count} rows of the manifest"
    previous, seq = "0" * 64, 0
    with bundle.open("events.jsonl") as lines:
        for seq, line in enumerate(lines, start=1):
            text = line.decode().rstrip("\n")
            stored, payload = text[9:73], text[83:-1]  # {"hash":"<64 characters>","event":<payload>}
            previous = hashlib.sha256((previous + payload).encode()).hexdigest()
            if stored != previous or json.loads(payload)["seq"] != seq:
                yield f"the chain breaks at event {seq}"
                return
    session = json.loads(bundle.read("session.json"))
    for word, wanted in {"manifest": manifest, "session": session}.items():
        if (wanted["session_id"], wanted["last_seq"], wanted["last_hash"]) != (manifest["session_id"], seq, previous):
            yield f"the log ends at event {seq} with {previous}, which is not what the {word} says"
    if last_hash and last_hash != previous:
        yield f"the log ends with {previous}, not with the hash you gave"


def digest_of(bundle: zipfile.ZipFile, name: str) -> str:
    with bundle.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        with zipfile.ZipFile(sys.argv[1]) as opened:
            found = list(problems(opened, sys.argv[2] if len(sys.argv) > 2 else ""))
    except (IndexError, OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        print(f"not a readable bundle: {error!r}")
        sys.exit(2)
    print("\n".join(found) or "whole: every file and every event is as it was written")
    sys.exit(1 if found else 0)
