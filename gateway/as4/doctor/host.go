package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/marktbote/marktbote/formats"
)

var berlin = formats.Berlin

// Free space below which something is said, in bytes. A gateway that cannot write confirms nothing to anybody.
const (
	littleSpace = 5 << 30
	noSpace     = 500 << 20
)

// disk looks at the room where the gateway and nginx write.
func (d *Doctor) disk() {
	dirs := []string{d.settings.Dir}
	if _, isFile := d.Config.StoreFile(); isFile {
		dirs = append(dirs, d.Config.DataDir)
	}
	for _, dir := range dirs {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // what does not exist yet is the matter of others
				d.warn(CheckDisk, dir, err.Error(), "make the directory readable for the user of the gateway")
			}
			continue
		}
		free := int64(st.Bavail) * st.Bsize
		text := fmt.Sprintf("%.1f GiB are free", float64(free)/(1<<30))
		switch {
		case free < noSpace:
			d.fault(CheckDisk, dir, text, "make room: what cannot be written is not received")
		case free < littleSpace:
			d.warn(CheckDisk, dir, text, "make room before it is used up")
		default:
			d.ok(CheckDisk, dir, "%s", text)
		}
	}
}

// permissions looks at files that others must not read or change. Those of nginx are looked at with their content.
func (d *Doctor) permissions() {
	good := true
	look := func(path string, forbidden fs.FileMode, detail, remedy string) {
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&forbidden != 0 {
			d.fault(CheckPermissions, path, fmt.Sprintf("%s (%#o)", detail, info.Mode().Perm()), remedy+" "+path)
			good = false
		}
	}
	look(d.Config.KeyFile(), 0o077, "the master key can be read by other users", "chmod 600")
	look(d.settings.Dir, 0o077, "other users may enter the directory with the TLS keys and the sockets that trust whoever opens them", "chmod 700")
	for _, list := range [][]string{d.Config.AS4.Trust.Roots, d.Config.AS4.Trust.CAs} {
		for _, path := range list {
			look(path, 0o022, "other users may change what is trusted", "chmod go-w")
		}
	}
	if good {
		d.ok(CheckPermissions, "", "keys and trusted certificates are closed to other users")
	}
}

// plain reports whether TLS is somebody else's business here.
func (d *Doctor) plain() bool {
	address := d.settings.PlainListen
	if address == "" {
		return false
	}
	remedy := "remove as4.tls.plain_listen unless it is for tests or another TLS front end"
	if d.settings.PlainAnywhere {
		d.warn(CheckPlain, address, "messages are taken without TLS, also from other machines; nobody's client certificate is known", remedy)
	} else {
		d.warn(CheckPlain, address, "messages are taken without TLS from this machine", remedy)
	}
	_, err := os.Stat(d.settings.Dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	d.warn(CheckNginx, d.settings.Dir, "there is no configuration of nginx, so TLS was not looked at", d.command("tls nginx")+" makes one")
	return true
}

// clockTolerance is how far the own clock and that of others may differ.
const clockTolerance = 30 * time.Second

// clock finds signs that the clock is wrong. offsets are by how much the clocks of partners were ahead of ours.
func (d *Doctor) clock(offsets []time.Duration) {
	const remedy = "let the machine keep time by NTP (timedatectl set-ntp true, or chrony): deadlines count minutes, and certificates are judged by the clock"
	now, good, proofs := d.Now(), true, ""
	var timex syscall.Timex
	if state, err := syscall.Adjtimex(&timex); err == nil {
		const unsynchronised = 0x40 // STA_UNSYNC of adjtimex(2)
		if state == 5 || timex.Status&unsynchronised != 0 {
			d.warn(CheckClock, "", "the kernel says that nothing keeps its clock right", remedy)
			good = false
		} else {
			proofs += "; the kernel says that it is kept right"
		}
	}
	for _, l := range d.Directory.Revocation().States(now) {
		if ahead := l.ThisUpdate.Sub(now); ahead > clockTolerance {
			d.fault(CheckClock, l.Issuer.Subject.CommonName, fmt.Sprintf("its revocation list was made at %s, and here it is %s: the clock is behind by %s at least", date(l.ThisUpdate), date(now), ahead.Round(time.Second)), remedy)
			good = false
		}
	}
	if n := len(offsets); n > 0 {
		median := sorted(offsets)[n/2]
		switch {
		case median.Abs() <= clockTolerance:
			proofs += fmt.Sprintf("; it agrees with %d partners", n)
		case n == 1:
			d.warn(CheckClock, "", fmt.Sprintf("the clock of a partner is %s ahead of ours; one of them is wrong", median.Round(time.Second)), remedy)
			good = false
		default:
			d.fault(CheckClock, "", fmt.Sprintf("the clocks of %d partners are %s ahead of ours", n, median.Round(time.Second)), remedy)
			good = false
		}
	}
	if good {
		d.ok(CheckClock, "", "%s is no earlier than any revocation list%s. More cannot be proved from here", date(now), proofs)
	}
}
