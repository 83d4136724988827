package edifact
