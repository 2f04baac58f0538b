"""What people and programs are told where the files are: notes, report.json, STATUS.txt."""
