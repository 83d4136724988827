-- +goose Up

-- No query looks for what an interchange answers.
DROP INDEX ledger_by_answer;

-- Each row of these is changed once or more; with room on its page no index needs a new entry for that.
ALTER TABLE interchange SET (fillfactor = 80);
ALTER TABLE work SET (fillfactor = 60);
