"""Intake: envelopes from the broker into the store, receipts back. Stateless between batches."""
