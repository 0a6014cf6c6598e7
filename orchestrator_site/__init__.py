"""The site: settings, addresses and processes. Importing it loads nothing: the supervisor stays without Django."""
