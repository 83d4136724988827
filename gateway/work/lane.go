package work

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// lane is how the items of one lane are worked on.
type lane struct {
	name      string
	workers   int // that compute side by side
	batch     int // items that one of them gets at a time, and that are committed together
	perTarget int // workers for one target at most; 0: items have no target, and are committed in their order
}

// laneState is what the goroutine of a lane knows. Only that goroutine uses it.
type laneState struct {
	lane
	running  int // jobs that are not committed
	targets  map[string]*target
	suspects []store.Work // see suspectAfter
	alone    bool         // a suspect runs: nothing else does
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

// job is what a worker computes.
type job struct {
	target string
	items  []store.Work
	tried  chan []tried // what the worker found out
	ok     bool         // when it has ended: all went well
}

// lane works on a lane until ctx ends and its jobs are done. Workers compute; one goroutine commits what they found out,
// while they go on.
func (r *Runner) lane(ctx context.Context, l lane) {
	s := &laneState{lane: l, targets: map[string]*target{}, allowed: 1}
	held := &claims{}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() { r.renew(renewing, held) })
	computed, ended := make(chan *job, l.workers), make(chan *job, l.workers)
	beside.Go(func() { r.commitJobs(ctx, l, computed, ended) })
	defer func() {
		for s.running > 0 {
			held.remove(s.end(<-ended).items)
		}
		close(computed)
		stop()
		beside.Wait()
		if left := held.left(); len(left) > 0 {
			r.giveBack(left...)
		}
	}()
	start := func(list ...*job) {
		for _, j := range list {
			s.start(j.target)
			j.tried = make(chan []tried, 1)
			if s.perTarget == 0 {
				computed <- j // now, so that the order stays
			}
			go func() {
				j.tried <- r.call(ctx, j.items)
				if s.perTarget > 0 {
					computed <- j
				}
			}()
		}
	}
	for ctx.Err() == nil {
		if s.running == 0 && len(s.suspects) > 0 {
			start(&job{items: s.suspects[:1:1]})
			s.suspects, s.alone = s.suspects[1:], true
		}
		more := false
		if free := s.workers - s.running; free > 0 && len(s.suspects) == 0 && !s.alone {
			limit := min(free*s.batch, s.allowed)
			items, err := r.store.ClaimWork(ctx, store.Claim{
				Lane: s.name, Now: r.now(), Lease: lease, Limit: limit, Without: s.full(),
			})
			if err != nil && ctx.Err() == nil {
				r.log.Error("work cannot be claimed", zap.String("lane", s.name), zap.Error(err))
			}
			held.add(items)
			more = len(items) == limit
			start(s.jobs(items, free)...)
		}
		if more && s.running < s.workers || s.running == 0 && len(s.suspects) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case j := <-ended:
			held.remove(s.end(j).items)
		case <-r.wake[s.name]:
		case <-time.After(idle):
		}
		for len(ended) > 0 { // what was committed together is followed by one claim
			held.remove(s.end(<-ended).items)
		}
		start(s.next()...)
	}
}

// commitJobs commits what workers computed. What has targets comes as it is ready, and what is ready is committed
// together.
func (r *Runner) commitJobs(ctx context.Context, l lane, computed <-chan *job, ended chan<- *job) {
	for j := range computed {
		jobs := []*job{j}
		results := [][]tried{<-j.tried}
		for ready := true; ready && l.perTarget > 0 && len(jobs) < batch; {
			select {
			case j, open := <-computed:
				if ready = open; open {
					jobs, results = append(jobs, j), append(results, <-j.tried)
				}
			default:
				ready = false
			}
		}
		failed := r.commit(ctx, slices.Concat(results...))
		for _, j := range jobs {
			j.ok = !slices.ContainsFunc(j.items, func(w store.Work) bool { return failed[w.ID] })
			ended <- j
		}
	}
}

// jobs divides claimed items among the free workers. Those for a target that has all the workers it may have wait.
func (s *laneState) jobs(items []store.Work, free int) (list []*job) {
	if s.perTarget == 0 {
		items = slices.DeleteFunc(items, func(w store.Work) bool {
			if w.Attempt <= suspectAfter {
				return false
			}
			s.suspects = append(s.suspects, w)
			return true
		})
		for n := (len(items) + free - 1) / free; len(items) > 0; {
			n = min(n, len(items))
			list = append(list, &job{items: items[:n]})
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
func (s *laneState) next() (list []*job) {
	free := s.workers - s.running
	for name, t := range s.targets {
		for n := s.limit(t) - t.running; n > 0 && free > 0 && len(t.waiting) > 0; n-- {
			list = append(list, &job{target: name, items: t.waiting[:1:1]})
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
func (s *laneState) end(j *job) *job {
	s.running--
	s.alone = false
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
