"""The bus: one port, two adapters (embedded SQLite log, Kafka), one contract suite."""
