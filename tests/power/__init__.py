"""Power cuts and failing disks under the real outbox, by a file system that we own."""
