"""The one consume loop: from a topic to rows, each record's effect exactly once.

One turn:
  1. poll, never shorter than a second (records return at once anyway);
  2. `prepare`: decode and score, with no transaction open;
  3. `announce`: publish what follows and await the acknowledgements. A crash from here on repeats the announcement,
     so consumers of it drop what they have; the other order could lose it;
  4. ONE transaction: move the offsets by compare-and-swap, then write the results and the counts;
  5. hint the offsets to the bus, for lag tools only.

A move that finds another offset than it expects means that another owner is ahead: everything rolls back and the
positions are read again. A process that slept past its session can therefore waste work, but never write.

`port` is what a program brings, `loop` carries, `policy` decides (pure), `positions` knows where each partition stands
and whether the log is still the one that was read.
"""
