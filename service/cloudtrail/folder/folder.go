// Package folder is a bucket that is a directory: an object is a file under its
// key, and its user metadata a JSON file of that name below .metadata.
package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Metadata is the directory, in a bucket's, that holds user metadata. No object
// can lie there.
const Metadata = ".metadata"

// Folder is a bucket.
type Folder struct{ dir string }

// Open makes a directory a bucket. It must be there, and one we may write to.
func Open(dir string) (*Folder, error) {
	st, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	f, err := os.CreateTemp(dir, ".put-*")
	if err != nil {
		return nil, err
	}
	return &Folder{dir}, errors.Join(f.Close(), os.Remove(f.Name()))
}

var errKey = errors.New("the key is no path in a folder")

// Put writes an object. Its metadata is written first, so that no object is
// without it.
func (f *Folder) Put(ctx context.Context, key string, body []byte, metadata map[string]string) error {
	if !fs.ValidPath(key) || key == "." || strings.HasPrefix(key, ".") || len(path.Base(key)) > 250 {
		return fmt.Errorf("%w: %q", errKey, key)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(metadata) > 0 {
		text, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		if err := f.write(Metadata+"/"+key+".json", text); err != nil {
			return err
		}
	}
	return f.write(key, body)
}

// write replaces a file whole: a reader, and whoever comes after a crash, sees
// the old one or the new one.
func (f *Folder) write(key string, body []byte) (err error) {
	name := filepath.Join(f.dir, filepath.FromSlash(key))
	if err := f.makeDir(path.Dir(key)); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".put-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name()) // it may be renamed already
		}
	}()
	_, err = tmp.Write(body)
	if err = errors.Join(err, tmp.Chmod(0o640), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// makeDir makes a directory below the bucket's, and has each new one known to
// its parent for good.
func (f *Folder) makeDir(key string) error {
	at := f.dir
	for part := range strings.SplitSeq(key, "/") {
		if part == "." {
			continue
		}
		parent := at
		at = filepath.Join(at, part)
		err := os.Mkdir(at, 0o750)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = syncDir(parent)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
