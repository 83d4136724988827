-- +goose Up

-- No query looks for what an interchange answers.
DROP INDEX ledger_by_answer;
