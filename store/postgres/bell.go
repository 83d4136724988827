package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// bellPause is the shortest time between two notifications of one process. PostgreSQL commits transactions that
// notify one after another, so telling of every single one would cost the shared sync.
const bellPause = 50 * time.Millisecond

// bell tells the other processes on the same schema that work was added, and hears when they do.
type bell struct {
	cfg  *pgx.ConnConfig
	self string // payload of own notifications

	rung chan struct{} // capacity 1: there is something to tell
	stop context.CancelFunc
	done chan struct{} // closed when tell has returned

	mu   sync.Mutex // guards conn, held while somebody listens
	conn *pgx.Conn  // nil before the first WaitWork and after an error
}

// channelPrefix is followed by the schema, because a channel belongs to the whole database.
const channelPrefix = "marktbote_work_"

func newBell(cfg *pgx.ConnConfig) *bell {
	ctx, stop := context.WithCancel(context.Background())
	b := &bell{cfg: cfg, self: uuid.NewString(), rung: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go b.tell(ctx)
	return b
}

// ring remembers that there is something to tell.
func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// tell notifies whenever the bell was rung. A failure is not reported: who is not woken looks by himself, later.
func (b *bell) tell(ctx context.Context) {
	defer close(b.done)
	var conn *pgx.Conn
	defer func() { hangUp(conn) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.rung:
		}
		var err error
		if conn == nil {
			if conn, err = pgx.ConnectConfig(ctx, b.cfg.Copy()); err != nil {
				conn = nil
			}
		}
		if conn != nil {
			if _, err := conn.Exec(ctx, "SELECT pg_notify($1 || current_schema(), $2)", channelPrefix, b.self); err != nil {
				hangUp(conn)
				conn = nil
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(bellPause):
		}
	}
}

// hangUp closes a connection without waiting long for the server.
func hangUp(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is given up anyway
}

// WaitWork implements store.Waiter.
func (s *Store) WaitWork(ctx context.Context) error {
	if err := s.bell.wait(ctx); err != nil {
		return fmt.Errorf("store: wait for work: %w", err)
	}
	return nil
}

func (b *bell) wait(ctx context.Context) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn == nil {
		conn, err := pgx.ConnectConfig(ctx, b.cfg.Copy())
		if err != nil {
			return err
		}
		var schema string
		if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
			hangUp(conn)
			return err
		}
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channelPrefix + schema}.Sanitize()); err != nil {
			hangUp(conn)
			return err
		}
		b.conn = conn
		return nil // work may have been added before anybody listened
	}
	for {
		n, err := b.conn.WaitForNotification(ctx)
		if err != nil {
			if !errors.Is(err, ctx.Err()) || b.conn.IsClosed() {
				hangUp(b.conn)
				b.conn = nil
			}
			return err
		}
		if n.Payload != b.self {
			return nil
		}
	}
}

// Close implements io.Closer. A running wait must have ended.
func (b *bell) Close() error {
	b.stop()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	hangUp(b.conn)
	b.conn = nil
	return nil
}
