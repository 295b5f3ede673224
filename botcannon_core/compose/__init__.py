"""What was declared: YAML read into a typed, frozen spec, and the spec turned into objects."""
