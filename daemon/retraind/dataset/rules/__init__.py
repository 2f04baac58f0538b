"""The service's rules for data: functions that take what is known about a file and yield findings."""
