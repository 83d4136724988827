package feed

// NOTE: how events are delivered.
//
// One goroutine, run, decides; others hand events to the sink and report. Events are read into lanes, one for each
// partition key, and the lane hands them over one after another, so that the order of a partition is that of the outbox,
// whatever fails. Lanes do not wait for each other.
//
// An event that the receiver refuses stays at the head of its lane, and everything in this lane becomes a row of
// held_delivery; the position passes them by. So a refused event costs the others nothing, memory is bounded by
// maxWindow and maxHeld, and a restart finds everything. After max_attempts the event is dead: its lane stands still
// until a person retries or skips it. If maxHeld is reached, no event of a lane that stands still is read any more, and
// behind it none at all.
//
// A receiver that cannot be reached is not the fault of an event: everything waits, longer each time, and one event is
// tried. So it is if many lanes are refused in a row: then attempts do not count, or a fault of the receiver would make
// everything dead.
//
// Invariants, for every event with seq <= read:
//
//	it is settled (confirmed or not wanted), or in the window, or held
//	position < seq of everything in the window; position <= read
//	of one lane: what is held, in flight or in the window is handed over in the order of seq
//
// What is written (position and rows) is a state between that of the last commit and now, so after a crash events since
// then come again and none is missing. Every commit needs the lease.

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// Limits of a subscription.
const (
	maxWindow      = 1000     // events between the position and what was read, but for those held
	maxWindowBytes = 16 << 20 // of them
	maxHeld        = 10_000   // held events, of which only the numbers are in memory
	readPage       = 200      // events read at a time
	readPages      = 10       // pages read before everything else gets its turn
	breakAfter     = 8        // lanes refused in a row from which on it is the receiver's fault
	retryMax       = 5 * time.Minute
	downMax        = time.Minute
	maxCut         = 3   // failures of one event that look like the receiver's, but others are confirmed between them
	maxReason      = 500 // characters of a reason
)

// delivery is one event that is not settled.
type delivery struct {
	seq     int64
	key     string // partition
	event   *store.Event
	settled bool
	held    bool // passed by; has a row, or gets one with the next commit
	row     store.HeldDelivery
	stored  bool // the row is committed
	cut     int  // see maxCut
	mark    int  // deliverer.confirmed at the last failure
}

// lane is what is to be delivered of one partition.
type lane struct {
	key   string
	queue []*delivery
	busy  bool
	since time.Time // of busy
	ready bool      // in deliverer.ready
	due   time.Time
	place int   // in deliverer.timed, -1: it is not
	known int64 // up to here everything of the lane was settled or held when the lease began
}

// stands reports whether the lane waits for an instant or for a person.
func (l *lane) stands() bool {
	return len(l.queue) > 0 && l.queue[0].held && (l.queue[0].row.State == store.HeldDead || l.place >= 0)
}

// result is how a delivery ended.
type result struct {
	sink      Sink // it was opened, and nothing else
	lanes     []*lane
	list      []*delivery
	events    []*store.Event // of list; nil: only in the store
	confirmed int
	err       error
	bad       error // what is wrong with the store
}

type deliverer struct {
	feed *Feed
	sub  *subscription
	log  *zap.Logger
	row  store.Subscription
	sink Sink // nil: not opened yet
	open bool // it is opened, or being opened

	lanes  map[string]*lane
	ready  []*lane // those with something to deliver now, in the order in which that became so
	timed  laneHeap
	window []*delivery // read, not settled; or settled behind one that is not
	bytes  int         // of events in the window
	page   []store.Event
	read   int64
	more   bool // there may be events behind read
	again  bool // fill has not finished
	held   int
	flying int
	result chan result

	confirmed int // events so far
	fault     string
	down      int // failures of the receiver in a row
	downUntil time.Time
	refused   map[string]bool // lanes refused since the last success

	holds     map[int64]*delivery // rows to write
	releases  []int64             // rows to remove
	position  int64
	dirty     bool
	committed time.Time
	renewAt   time.Time
}

func newDeliverer(f *Feed, s *subscription, row store.Subscription) *deliverer {
	return &deliverer{
		feed: f, sub: s, row: row, log: f.log.With(zap.String("subscription", s.config.Name)),
		lanes: map[string]*lane{}, read: row.Position, position: row.Position, more: true, fault: row.Fault,
		result: make(chan result, s.kind.parallel), holds: map[int64]*delivery{}, refused: map[string]bool{}, renewAt: f.now().Add(f.pace.renew),
	}
}

// run delivers until the lease is lost, the receiver has gone for good, the store fails or ctx ends.
func (d *deliverer) run(ctx context.Context) error {
	if err := d.load(ctx); err != nil {
		return err
	}
	flight, land := context.WithCancel(context.WithoutCancel(ctx))
	defer land()
	err := d.loop(ctx, flight)
	// Whatever happened, what was confirmed meanwhile is worth a note.
	linger := time.AfterFunc(d.feed.pace.linger, land)
	defer linger.Stop()
	if errors.Is(err, store.ErrLeaseLost) {
		land()
	}
	for d.flying > 0 {
		if settleErr := d.settle(<-d.result); errors.Is(settleErr, errGone) {
			err = settleErr
		}
	}
	if d.sink != nil {
		d.sink.Close()
	}
	if errors.Is(err, store.ErrLeaseLost) {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.feed.pace.linger)
	defer cancel()
	if commitErr := d.commit(last); commitErr != nil {
		return cmp.Or(err, commitErr)
	}
	giveBack := d.feed.store.Update(last, func(tx store.Tx) error { return tx.RenewSubscription(d.row, time.Time{}) })
	return cmp.Or(err, giveBack)
}

func (d *deliverer) loop(ctx, flight context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := d.feed.now()
		if err := d.keepLease(ctx, now); err != nil {
			return err
		}
		if err := d.fill(ctx, now); err != nil {
			return err
		}
		d.start(flight, now)
		if d.dirty && (now.Sub(d.committed) >= d.feed.pace.commit || d.flying == 0) {
			if err := d.commit(ctx); err != nil {
				return err
			}
		}
		timer.Reset(max(d.next(now).Sub(d.feed.now()), 0))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.sub.lost:
			if err := d.renew(ctx, d.feed.now()); err != nil {
				return err
			}
		case <-d.sub.wake:
			d.more = true
		case r := <-d.result:
			if err := d.settle(r); err != nil {
				return err
			}
		drain:
			for {
				select {
				case r := <-d.result:
					if err := d.settle(r); err != nil {
						return err
					}
				default:
					break drain
				}
			}
		case <-timer.C:
		}
	}
}

// next is when there is something to do without anybody reporting.
func (d *deliverer) next(now time.Time) time.Time {
	at := d.renewAt
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(d.timed) > 0 {
		earlier(d.timed[0].due)
	}
	if d.downUntil.After(now) {
		earlier(d.downUntil)
	}
	if d.dirty {
		earlier(d.committed.Add(d.feed.pace.commit))
	}
	if len(d.window) >= maxWindow {
		earlier(now.Add(d.feed.pace.slow / 5))
	}
	if d.again {
		earlier(now)
	}
	return at
}

// load reads what is held.
func (d *deliverer) load(ctx context.Context) error {
	after := int64(-1)
	for {
		var rows []store.HeldDelivery
		err := d.feed.store.View(ctx, func(tx store.Tx) (err error) {
			rows, err = tx.HeldDeliveries(store.HeldQuery{Subscription: d.row.Name, After: after, Limit: maxWindow})
			return err
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			after = row.Seq
			l := d.lane(cmp.Or(row.PartitionKey, row.EventID))
			l.queue = append(l.queue, &delivery{seq: row.Seq, key: l.key, held: true, row: row, stored: true})
			l.known = row.Seq
			d.held++
		}
	}
	for _, l := range d.lanes {
		d.schedule(l)
	}
	return nil
}

// lane returns the lane of a partition key. Events without one are a lane each.
func (d *deliverer) lane(key string) *lane {
	l := d.lanes[key]
	if l == nil {
		l = &lane{key: key, place: -1}
		d.lanes[key] = l
	}
	return l
}

// laneKey is the partition key of an event, or its id if it has none.
func laneKey(e *store.Event) string { return cmp.Or(e.PartitionKey, e.ID) }

// schedule puts a lane where it belongs.
func (d *deliverer) schedule(l *lane) {
	if l.busy || l.ready || l.place >= 0 {
		return
	}
	switch {
	case len(l.queue) == 0:
		delete(d.lanes, l.key)
	case l.queue[0].held && l.queue[0].row.State == store.HeldDead:
	case l.queue[0].held && l.queue[0].row.DueAt.After(d.feed.now()):
		l.due = l.queue[0].row.DueAt
		heap.Push(&d.timed, l)
	default:
		l.ready = true
		d.ready = append(d.ready, l)
	}
}

// passSlow lets the position pass by events that are under way for long, if they are in the way.
func (d *deliverer) passSlow(now time.Time) {
	if len(d.window) < maxWindow {
		return
	}
	for _, x := range d.window {
		if x.settled || x.held {
			continue
		}
		if l := d.lanes[x.key]; !l.busy || now.Sub(l.since) < d.feed.pace.slow || d.held >= d.feed.pace.held {
			break
		}
		d.hold(x, store.HeldWaiting, 0, time.Time{}, "")
	}
	d.advance()
}

// fill reads events while there is room.
func (d *deliverer) fill(ctx context.Context, now time.Time) error {
	d.passSlow(now)
	d.again = false
	for pages := 0; len(d.window) < maxWindow && d.bytes < maxWindowBytes; {
		if len(d.page) == 0 {
			if !d.more {
				return nil
			}
			if pages++; pages > readPages {
				d.again = true
				return nil
			}
			err := d.feed.store.View(ctx, func(tx store.Tx) (err error) {
				d.page, err = tx.Events(d.read, 0, readPage)
				return err
			})
			if err != nil {
				return err
			}
			d.more = len(d.page) == readPage
			if len(d.page) == 0 {
				return nil
			}
		}
		if !d.take(&d.page[0]) {
			return nil
		}
		d.page = d.page[1:]
	}
	return nil
}

// take puts an event into its lane; false if there is no room for it.
func (d *deliverer) take(e *store.Event) bool {
	key := laneKey(e)
	l := d.lanes[key]
	if l != nil && l.stands() && d.held >= d.feed.pace.held {
		return false
	}
	d.read = e.Seq
	x := &delivery{seq: e.Seq, key: key, event: e}
	if l != nil && e.Seq <= l.known {
		d.advance() // settled or held in an earlier lease
		return true
	}
	wanted, err := d.sub.filter.Wants(*e)
	switch {
	case err != nil:
		d.hold(x, store.HeldDead, 0, time.Time{}, err.Error())
		d.log.Error("event set aside", zap.String("event", e.ID), zap.Error(err))
		d.feed.metrics.count(d.row.Name, outcomeDead, 1)
	case !wanted:
		d.feed.metrics.count(d.row.Name, outcomeFiltered, 1)
		d.advance()
		return true
	case l != nil && l.stands():
		d.hold(x, store.HeldWaiting, 0, time.Time{}, "")
	default:
		d.window = append(d.window, x)
		d.bytes += len(e.Data)
	}
	l = d.lane(key)
	l.queue = append(l.queue, x)
	d.schedule(l)
	d.advance()
	return true
}

// hold makes a row of a delivery, or rewrites it.
func (d *deliverer) hold(x *delivery, state store.HeldState, attempt int, dueAt time.Time, reason string) {
	if !x.held {
		x.held = true
		x.row.HeldAt = d.feed.now()
		d.held++
		if x.event != nil {
			d.bytes -= len(x.event.Data)
			x.event = nil
		}
	}
	x.row.Subscription, x.row.Seq, x.row.State, x.row.Attempt, x.row.DueAt, x.row.Reason = d.row.Name, x.seq, state, attempt, dueAt, shorten(reason)
	d.holds[x.seq] = x
	d.dirty = true
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason])
	}
	return s
}

// advance moves the position to the first event that is neither settled nor held.
func (d *deliverer) advance() {
	n := 0
	for n < len(d.window) && (d.window[n].settled || d.window[n].held) {
		n++
	}
	d.window = d.window[n:]
	position := d.read
	if len(d.window) > 0 {
		position = d.window[0].seq - 1
	}
	if position != d.position {
		d.position, d.dirty = position, true
	}
}

// start hands events to the sink.
func (d *deliverer) start(flight context.Context, now time.Time) {
	for len(d.timed) > 0 && !d.timed[0].due.After(now) {
		l := heap.Pop(&d.timed).(*lane)
		l.ready = true
		d.ready = append(d.ready, l)
	}
	if now.Before(d.downUntil) || now.After(d.row.LeasedUntil.Add(-d.feed.pace.lease/10)) {
		return
	}
	if len(d.ready) > 0 && !d.open {
		d.open = true
		d.flying++
		go func() {
			sink, err := d.sub.kind.open()
			d.result <- result{sink: sink, err: err}
		}()
	}
	if d.sink == nil {
		return
	}
	parallel := d.sub.kind.parallel
	if d.down > 0 {
		parallel = 1 // a probe
	}
	for d.flying < parallel && len(d.ready) > 0 {
		var r result
		for len(d.ready) > 0 && len(r.list) < d.sub.kind.run {
			l := d.ready[0]
			d.ready[0] = nil
			d.ready = d.ready[1:]
			l.ready, l.busy, l.since = false, true, now
			r.lanes = append(r.lanes, l)
			r.list = append(r.list, l.queue[:d.runOf(l, d.sub.kind.run-len(r.list))]...)
			if !d.sub.kind.serial {
				break
			}
		}
		slices.SortFunc(r.list, func(a, b *delivery) int { return cmp.Compare(a.seq, b.seq) })
		for _, x := range r.list {
			r.events = append(r.events, x.event)
		}
		d.flying++
		go func() { d.result <- d.fly(flight, r) }()
	}
}

// runOf is how many deliveries of a lane go together. One that failed before goes alone.
func (d *deliverer) runOf(l *lane, n int) int {
	if d.down > 0 || l.queue[0].row.Attempt > 0 {
		return 1
	}
	return min(len(l.queue), n)
}

// fly is one attempt; it runs beside everything else and changes nothing.
func (d *deliverer) fly(ctx context.Context, r result) (out result) {
	out = r
	defer func() {
		if p := recover(); p != nil {
			out.err = &refusal{fmt.Errorf("feed: panic: %v", p)}
		}
	}()
	list := make([]Message, len(r.list))
	for i, x := range r.list {
		e := r.events[i]
		if e == nil {
			var found []store.Event
			out.bad = d.feed.store.View(ctx, func(tx store.Tx) (err error) {
				found, err = tx.Events(x.seq-1, 0, 1)
				return err
			})
			if out.bad == nil && (len(found) == 0 || found[0].Seq != x.seq) {
				out.bad = fmt.Errorf("feed: event with number %d: %w", x.seq, store.ErrNotFound)
			}
			if out.bad != nil {
				return out
			}
			e = &found[0]
		}
		if list[i], out.err = toMessage(*e, d.sub.config.MaxEventBytes, d.feed.base); out.err != nil {
			out.err = &refusal{out.err}
			if i > 0 { // those before it are tried without it
				out.err = nil
			}
			list = list[:i]
			break
		}
	}
	if out.err == nil {
		out.confirmed, out.err = d.sink.Deliver(ctx, list)
	}
	return out
}

// settle takes note of a result.
func (d *deliverer) settle(r result) error {
	d.flying--
	if len(r.list) == 0 {
		d.sink, d.open = r.sink, r.err == nil
		if r.err != nil {
			d.goDown(r.err)
		}
		return nil
	}
	name := d.row.Name
	for _, x := range r.list[:r.confirmed] {
		x.settled = true
		l := d.lanes[x.key]
		l.queue = l.queue[1:]
		if x.held {
			d.release(x)
		} else {
			d.bytes -= len(x.event.Data)
			x.event = nil
		}
	}
	if r.confirmed > 0 {
		d.confirmed += r.confirmed
		d.feed.metrics.count(name, outcomeConfirmed, r.confirmed)
		d.down, d.downUntil = 0, time.Time{}
		clear(d.refused)
		d.setFault("")
	}
	for _, l := range r.lanes {
		l.busy = false
	}
	var refusal *refusal
	switch {
	case r.bad != nil || r.err == nil:
	case errors.As(r.err, &refusal):
		d.refuse(r.list[r.confirmed], r.err)
	case d.cuts(r.list[r.confirmed], r.err):
		d.refuse(r.list[r.confirmed], r.err)
	default:
		d.feed.metrics.count(name, outcomeUnreachable, 1)
		d.goDown(r.err)
	}
	for _, l := range r.lanes {
		d.schedule(l)
	}
	d.advance()
	if errors.Is(r.err, errGone) {
		return errGone
	}
	return r.bad
}

// cuts reports whether a receiver that seems to be away is so because of one event, on which it dies: it comes back for
// the others.
func (d *deliverer) cuts(x *delivery, err error) bool {
	if _, asked := errors.AsType[*later](err); asked || errors.Is(err, errGone) || errors.Is(err, context.Canceled) {
		return false
	}
	if d.confirmed > x.mark {
		x.cut++
	}
	x.mark = d.confirmed
	return x.cut >= maxCut
}

// release removes a row.
func (d *deliverer) release(x *delivery) {
	delete(d.holds, x.seq)
	if x.stored {
		d.releases = append(d.releases, x.seq)
	}
	d.held--
	d.dirty = true
}

// refuse notes that the receiver does not want an event now.
func (d *deliverer) refuse(x *delivery, err error) {
	if len(d.refused) <= breakAfter {
		d.refused[x.key] = true
	}
	d.feed.metrics.count(d.row.Name, outcomeRefused, 1)
	attempt := x.row.Attempt + 1
	if d.down > 0 || len(d.refused) > breakAfter {
		attempt = max(x.row.Attempt, 1)
		d.goDown(fmt.Errorf("one partition after another is refused, the last with: %w", err))
	}
	l := d.lanes[x.key]
	if attempt >= d.sub.config.MaxAttempts {
		d.hold(x, store.HeldDead, attempt, time.Time{}, err.Error())
		d.feed.metrics.count(d.row.Name, outcomeDead, 1)
		d.log.Error("event not delivered", zap.Int64("seq", x.seq), zap.Int("attempts", attempt), zap.Error(err))
	} else {
		pause := backoff(d.feed.pace.retry, attempt, retryMax)
		d.hold(x, store.HeldWaiting, attempt, d.feed.now().Add(pause), err.Error())
		d.log.Warn("event refused", zap.Int64("seq", x.seq), zap.Int("attempts", attempt), zap.Error(err))
	}
	for _, behind := range l.queue[1:] {
		if !behind.held {
			d.hold(behind, store.HeldWaiting, 0, time.Time{}, "")
		}
	}
}

// goDown lets everything wait because of the receiver.
func (d *deliverer) goDown(err error) {
	now := d.feed.now()
	if now.Before(d.downUntil) {
		return // one of those that were under way together
	}
	d.down++
	pause := backoff(d.feed.pace.retry, d.down, downMax)
	if asked, ok := errors.AsType[*later](err); ok {
		pause = max(pause, asked.after)
	}
	d.downUntil = now.Add(pause)
	d.setFault(err.Error())
	if d.down == 1 {
		d.log.Warn("receiver out of order", zap.Error(err))
	}
}

func (d *deliverer) setFault(text string) {
	if text = shorten(text); text != d.fault {
		d.fault, d.dirty = text, true
	}
}

// backoff doubles with each attempt from 1, up to limit, and varies so that not everything comes together again.
func backoff(first time.Duration, attempt int, limit time.Duration) time.Duration {
	pause := min(first<<min(attempt-1, 20), limit)
	return pause + time.Duration(rand.Int64N(int64(pause)/10+1)) //nolint:gosec // no secret
}

// commit writes position and rows. Without the lease nothing is written.
func (d *deliverer) commit(ctx context.Context) error {
	if !d.dirty {
		return nil
	}
	now := d.feed.now()
	row := d.row
	row.Position, row.Fault, row.MovedAt = d.position, d.fault, now
	seqs := make([]int64, 0, len(d.holds))
	for seq := range d.holds {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	err := d.feed.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.AdvanceSubscription(row); err != nil {
			return err
		}
		for _, seq := range seqs {
			if err := tx.HoldDelivery(d.holds[seq].row); err != nil {
				return err
			}
		}
		for _, seq := range d.releases {
			if err := tx.ReleaseDelivery(d.row.Name, seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		d.holds[seq].stored = true
	}
	clear(d.holds)
	d.row, d.releases, d.dirty, d.committed = row, nil, false, now
	return nil
}

// keepLease renews the lease in time.
func (d *deliverer) keepLease(ctx context.Context, now time.Time) error {
	if now.Before(d.renewAt) {
		return nil
	}
	return d.renew(ctx, now)
}

func (d *deliverer) renew(ctx context.Context, now time.Time) error {
	until := now.Add(d.feed.pace.lease)
	if err := d.feed.store.Update(ctx, func(tx store.Tx) error { return tx.RenewSubscription(d.row, until) }); err != nil {
		return err
	}
	d.row.LeasedUntil, d.renewAt = until, now.Add(d.feed.pace.renew)
	return nil
}

// laneHeap has the lane that is due first at its head.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.place = len(*h)
	*h = append(*h, l)
}

// Pop implements heap.Interface.
func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.place = -1
	return l
}
