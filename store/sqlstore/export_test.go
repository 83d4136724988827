package sqlstore

import "context"

// Abandon is what a failing PutPayload does with its upload.
func (s *Store) Abandon(ctx context.Context, upload int64) error { return s.abandon(ctx, upload) }
