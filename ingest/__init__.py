"""The program that takes news in: fetch or read, parse, normalise, publish to `news.raw`.

    replay   a file, as fast as possible or at a multiple of its own pace
    feeds    RSS, Atom and JSON feeds, polled
    player   the authored demo day

All three end in `publish.Publisher`, and count in the store only what the bus has acknowledged.
"""
