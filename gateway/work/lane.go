package work

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// lane is how the items of one lane are worked on.
type lane struct {
	name      string
	workers   int // that work side by side
	batch     int // items that one of them gets at a time
	perTarget int // workers for one target at most; 0: items have no target
}

// laneState is what the goroutine of a lane knows. Only that goroutine uses it.
type laneState struct {
	lane
	running int
	targets map[string]*target
	ended   chan job
	// allowed is how many items are claimed at once at most. It begins with one and doubles with every job that ends:
	// what kills the process each time takes little else with it, and between two deaths something is done.
	allowed int
}

// target is a partner or destination that the lane has to do with at the moment.
type target struct {
	running int
	waiting []store.Work // claimed, but the target has all the workers it may have
	trouble bool         // the last item failed: one worker at a time finds out when it is over
}

// job is what a worker does.
type job struct {
	target string
	items  []store.Work
	ok     bool // when it has ended: all went well
}

// lane works on a lane until ctx ends and its jobs are done.
func (r *Runner) lane(ctx context.Context, l lane) {
	s := &laneState{lane: l, targets: map[string]*target{}, ended: make(chan job, l.workers), allowed: 1}
	held := &claims{}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		r.renew(renewing, held)
	}()
	defer func() {
		for s.running > 0 {
			held.remove(s.end(<-s.ended).items)
		}
		stop()
		<-renewed
		if left := held.left(); len(left) > 0 {
			r.giveBack(left...)
		}
	}()
	start := func(j job) {
		s.start(j.target)
		go func() {
			j.ok = r.do(ctx, j.items)
			s.ended <- j
		}()
	}
	for ctx.Err() == nil {
		more := false
		if free := s.workers - s.running; free > 0 {
			limit := min(free*s.batch, s.allowed)
			items, err := r.store.ClaimWork(ctx, store.Claim{
				Lane: s.name, Now: r.now(), Lease: lease, Limit: limit, Without: s.full(),
			})
			if err != nil && ctx.Err() == nil {
				r.log.Error("work cannot be claimed", zap.String("lane", s.name), zap.Error(err))
			}
			held.add(items)
			more = len(items) == limit
			for _, j := range s.jobs(items, free) {
				start(j)
			}
		}
		if more && s.running < s.workers {
			continue
		}
		select {
		case <-ctx.Done():
		case j := <-s.ended:
			held.remove(s.end(j).items)
			for _, next := range s.next() {
				start(next)
			}
		case <-r.wake[s.name]:
		case <-time.After(idle):
		}
	}
}

// jobs divides claimed items among the free workers. Those for a target that has all the workers it may have wait.
func (s *laneState) jobs(items []store.Work, free int) (list []job) {
	if s.perTarget == 0 {
		for n := (len(items) + free - 1) / free; len(items) > 0; {
			n = min(n, len(items))
			list = append(list, job{items: items[:n]})
			items = items[n:]
		}
		return list
	}
	for _, item := range items {
		t := s.targets[item.Target]
		if t == nil {
			t = &target{}
			s.targets[item.Target] = t
		}
		t.waiting = append(t.waiting, item)
	}
	return s.next()
}

// next takes what can begin now. start must be called for each before next is called again.
func (s *laneState) next() (list []job) {
	free := s.workers - s.running
	for name, t := range s.targets {
		for n := s.limit(t) - t.running; n > 0 && free > 0 && len(t.waiting) > 0; n-- {
			list = append(list, job{target: name, items: t.waiting[:1:1]})
			t.waiting = t.waiting[1:]
			free--
		}
	}
	return list
}

func (s *laneState) limit(t *target) int {
	if t.trouble {
		return 1
	}
	return s.perTarget
}

// full lists the targets that nothing is to be claimed for.
func (s *laneState) full() (names []string) {
	for name, t := range s.targets {
		if len(t.waiting) > 0 || t.running >= s.limit(t) {
			names = append(names, name)
		}
	}
	return names
}

func (s *laneState) start(name string) {
	s.running++
	if t := s.targets[name]; t != nil {
		t.running++
	}
}

// end notes that a job has ended. A target is forgotten when there is nothing to remember.
func (s *laneState) end(j job) job {
	s.running--
	s.allowed = min(2*s.allowed, s.workers*s.batch)
	if t := s.targets[j.target]; t != nil {
		t.running--
		t.trouble = !j.ok
		if t.running == 0 && len(t.waiting) == 0 && j.ok {
			delete(s.targets, j.target)
		}
	}
	return j
}
