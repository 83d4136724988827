package postgres

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	createTable = regexp.MustCompile(`(?ms)^CREATE TABLE (\w+) \((.*?)^\)`)
	addColumn   = regexp.MustCompile(`(?m)^ALTER TABLE (\w+) ADD COLUMN (\w+) `)
	columnLine  = regexp.MustCompile(`(?m)^    (\w+) +(?:INTEGER|TEXT|BLOB)\b`)
)

// sqliteColumns returns table.column of the migrations of the other driver, sorted by table.
func sqliteColumns() ([]string, error) {
	files, err := filepath.Glob("../sqlite/migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, table := range createTable.FindAllStringSubmatch(string(text), -1) {
			for _, column := range columnLine.FindAllStringSubmatch(table[2], -1) {
				columns = append(columns, table[1]+"."+column[1])
			}
		}
		for _, column := range addColumn.FindAllStringSubmatch(string(text), -1) {
			columns = append(columns, column[1]+"."+column[2])
		}
	}
	slices.SortStableFunc(columns, func(a, b string) int {
		ta, _, _ := strings.Cut(a, ".")
		tb, _, _ := strings.Cut(b, ".")
		return strings.Compare(ta, tb)
	})
	return columns, nil
}
