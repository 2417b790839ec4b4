"""The command line: one small module for each verb, which parses, calls and prints."""
