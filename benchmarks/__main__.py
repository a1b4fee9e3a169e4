"""`make bench`: every measurement, each beside the naive way in the same run; about a quarter of an hour."""

from benchmarks import asking, aws, containers, daemon, journal, judging, reader, toolkit
from benchmarks.table import show

show("The failure-state reader and its middleware", reader.rows())
show("The daemon", daemon.rows())
show("The daemon with AWS", aws.rows())
show("Asked side by side", asking.rows())
show("Containers hurt, beside docker's command line", containers.rows())
show("Experiments of the Chaos Toolkit", toolkit.rows())
show("A journal of a million experiments", journal.rows())
show("Judged rightly", judging.rows())
