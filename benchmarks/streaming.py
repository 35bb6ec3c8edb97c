"""How much memory a stream of 100 MB takes, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator

CHUNK = 1 << 16


def peak_of_stream(megabytes: int) -> dict:
    """Encode a stream in a child. Return by how many MiB its peak memory grew."""
    command = [sys.executable, "-m", "benchmarks.streaming", str(megabytes)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after, ids = map(int, ran.stdout.split())
    return {"megabytes": megabytes, "ids": ids, "growth": (after - before) / 1024}


def chunks(text: str, total: int) -> Iterator[str]:
    """Yield a text over and over, in chunks that end anywhere, until `total` characters."""
    sent = 0
    while sent < total:
        start = sent % len(text)
        chunk = text[start : start + min(CHUNK, total - sent)]
        sent += len(chunk)
        yield chunk


def main(megabytes: int) -> None:
    """Print the peak memory in KiB after a megabyte and after all, and the number of ids."""
    import resource

    from benchmarks.corpus import english
    from grader.data import gpt2_encoding, gpt2_merges
    from reference.text.bpe_tokenizer import BPETokenizer
    from reference.text.encode_stream import encode_stream

    vocab = {rank: token for token, rank in gpt2_encoding()._mergeable_ranks.items()}
    tokenizer = BPETokenizer(vocab, gpt2_merges())
    text = english(5_000_000)

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    sum(1 for _ in encode_stream(tokenizer.encode, chunks(text, 1_000_000)))
    before = peak()
    ids = sum(1 for _ in encode_stream(tokenizer.encode, chunks(text, megabytes * 1_000_000)))
    print(before, peak(), ids)


if __name__ == "__main__":
    main(int(sys.argv[1]))
