"""What `qrig doctor` looks at, one file each."""
