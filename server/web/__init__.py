"""The pages: server-rendered, live, in Italian and English, under a strict content policy."""
