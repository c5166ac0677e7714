package store

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// watcher tells of changes in one folder.
type watcher struct {
	notify *fsnotify.Watcher
	news   chan struct{} // holds one token while something has changed
	ended  chan struct{}
	folder string
	id     identity
}

func newWatcher(log *slog.Logger) *watcher {
	w := &watcher{news: make(chan struct{}, 1), ended: make(chan struct{})}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("folders are not watched, only looked at now and then", "err", err)
		close(w.ended)
		return w
	}
	w.notify = notify
	go w.forward()
	return w
}

// forward empties the queue of events, so that it never overflows; what changed
// does not matter. It ends when the watcher is closed.
func (w *watcher) forward() {
	defer close(w.ended)
	for events, errs := w.notify.Events, w.notify.Errors; events != nil; {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case _, ok := <-errs: // an overflow: something has changed
			if !ok {
				return
			}
		}
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

// watch makes folder the one that is watched, also if another has taken its
// place.
func (w *watcher) watch(folder string) {
	id, ok := lstat(folder)
	if w.notify == nil || folder == w.folder && id.dev == w.id.dev && id.ino == w.id.ino {
		return
	}
	if w.folder != "" {
		_ = w.notify.Remove(w.folder)
		w.folder = ""
	}
	if ok && w.notify.Add(folder) == nil {
		w.folder, w.id = folder, id
	}
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
	<-w.ended
}
