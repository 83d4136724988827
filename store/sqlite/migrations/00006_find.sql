-- +goose Up

-- Messages are found by the numbers that others refer to them by.
CREATE INDEX message_transaction_by_number ON message_transaction (number, interchange_id, message_index, transaction_index);
CREATE INDEX message_by_document_no ON message (document_no, interchange_id, message_index);
