"""Where everything lies in the kernel's arrays: names for the integer offsets.

``mem`` is one flat int64 array: an allocator header, then, per key value, a *head* and a *log*.
A log is a block of rows ordered by (event_time, seq); row numbers are absolute (the first event
of a key value is row 1) so that they survive compaction, and the row before the first kept one
is a sentinel that carries the running totals of what came before.
"""

from __future__ import annotations

__all__: list[str] = []

NULL = -(2**63)
"""Absent value, and the time of a sentinel row."""

NEVER = 2**63 - 1
"""Instant after all others."""

# Layout of mem: allocator
BUMP = 0  # next unused cell
FREE = 1  # FREE + c: first free block of 2**c cells
UIDS = 60  # key values created so far, plus one
INDEXED = 61  # entries in the index
RESERVED = 64  # first cell for heads and logs

# Layout of head of one key value
H_BLOCK = 0  # cell of the block
H_CLASS = 1  # log2 of the block's cells
H_BASE = 2  # absolute row of the sentinel
H_LAST = 3  # absolute row of the latest event
H_FIRST = 4  # earliest event_time ever
H_UID = 5  # number that no other key value has
H_STATE = 6  # cursors of windows, then state of aggregations

# Layout of x: one event as the kernel takes it
X_TIME = 0
X_SEQ = 1
X_HOUR = 2
X_WEEKDAY = 3
X_FIELDS = 4

# Layout of row of a log: fixed columns before the table's own
ROW_TIME = 0
ROW_SEQ = 1
ROW_COLUMNS = 2

# Layout of tables[k]
T_KEYS = 0  # number of key fields, then up to three of them
T_KEY0 = 1
T_RESOLUTION = 4
T_WIDTH = 5  # cells of a row
T_COLUMNS = 6  # range of columns
T_COLUMNS_END = 7
T_DERIVED = 8  # first column that depends on features of the same event
T_WINDOWS = 9
T_WINDOWS_END = 10
T_READS = 11
T_READS_END = 12
T_READS_DERIVED = 13  # first read that depends on derived columns
T_HEAD = 14  # cells of a head
T_FRAUD = 15  # offset of the column of known frauds, or -1
T_HORIZON = 16  # how long rows are needed, or NEVER
T_SIZE = 17

# Layout of columns[c]
C_KIND = 0
C_OFFSET = 1
C_FIELD = 2
C_CLAUSES = 3
C_CLAUSES_END = 4
C_RAW = 5  # offset of the raw values that links and decays follow
C_HALF_LIFE = 6
C_SIGN = 7
C_SECOND = 8  # offset of the second cell, or -1
C_SIZE = 9

SUM = 0  # running total of a field, or of ones where C_FIELD is -1
SQUARES = 1  # running total of squares, 128 bits: low, then high in a second cell
RAW = 2  # the value itself, times C_SIGN
GREATER = 3  # row of the latest earlier entry with a greater raw value
SAME = 4  # rows of the neighbours with the same raw value: previous, then next in a second cell
DECAY = 5  # float64 bits of the decayed total
FRAUD = 6  # running total of known frauds

# Layout of windows[w]
W_WIDTH = 0
W_DELAY = 1
W_OFFSET = 2  # of its two cursors in the head
W_SIZE = 3

# Layout of reads[r]
R_OP = 0
R_WINDOW = 1
R_A = 2
R_B = 3
R_N = 4  # column that counts the selected entries, or -1: all rows
R_SKIP = 5  # 1 if the event itself is left out
R_OUT = 6
R_STATE = 7  # offset of its own state in the head
R_FIELD = 8
R_FIELD_B = 9
R_SECOND = 10  # second cell of the column B
R_SIZE = 11

# Layout of params[r]
P_SCALE = 0
P_PARAM = 1
P_DEFAULT = 2
P_SIZE = 3

# Layout of clauses: a predicate is a conjunction of groups, a group a disjunction of clauses
L_FIELD = 0
L_TEST = 1
L_VALUE = 2
L_GROUP = 3
L_SIZE = 4

EQUAL = 0
AT_LEAST = 1
AT_MOST = 2
FEATURE_ABOVE = 3

# Layout of index: open addressing, one row per entry
I_TAG = 0  # 0 = empty
I_A = 1
I_B = 2
I_C = 3
I_VALUE = 4
I_SIZE = 5

MAX_ROWS = 2**22
"""Most rows of one log: with fields below 2**40, every total then fits its integers."""
