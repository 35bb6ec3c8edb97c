"""How much memory a stream of 100 MB takes, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator

CHUNK = 1 << 16


def peak_of_stream(text: str, megabytes: int) -> dict:
    """Encode a text over and over in a child. Return how many MiB that took at its peak."""
    command = [sys.executable, "-m", "benchmarks.streaming", str(megabytes)]
    ran = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    peak, ids = map(int, ran.stdout.split())
    return {"megabytes": megabytes, "ids": ids, "peak": peak / (1 << 20)}


def chunks(text: str, total: int) -> Iterator[str]:
    """Yield a text over and over, in chunks that end anywhere, until `total` characters."""
    sent = 0
    while sent < total:
        start = sent % len(text)
        chunk = text[start : start + min(CHUNK, total - sent)]
        sent += len(chunk)
        yield chunk


def main(megabytes: int) -> None:
    """Print the peak of what the stream allocated, in bytes, and the number of ids."""
    import tracemalloc

    from grader.data import gpt2_encoding, gpt2_merges
    from reference.text.bpe_tokenizer import BPETokenizer
    from reference.text.encode_stream import encode_stream

    vocab = {rank: token for token, rank in gpt2_encoding()._mergeable_ranks.items()}
    tokenizer = BPETokenizer(vocab, gpt2_merges())
    text = sys.stdin.buffer.read().decode()
    tracemalloc.start()  # the process's own peak is that of loading the vocabulary
    ids = sum(1 for _ in encode_stream(tokenizer.encode, chunks(text, megabytes * 1_000_000)))
    print(tracemalloc.get_traced_memory()[1], ids)


if __name__ == "__main__":
    main(int(sys.argv[1]))
