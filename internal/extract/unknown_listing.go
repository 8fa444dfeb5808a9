package extract

import (
	"context"
	"errors"
	"net/url"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// errNoSuchListing says that the server does not have the listing.
var errNoSuchListing = errors.New("the server does not have this listing")

// request asks for a list of the listing. A 404 in plain text is an outage: a
// proxy without its backend answers so, and Logto where it does not find the
// tenant. The client tries again until it has to give up. Only of a listing
// that an older server may lack, and of which this run has not had an answer
// yet, it may say that the server does not have it; see confirmNoSuchListing.
func (k *walk) request(ctx context.Context, parent string, query url.Values) (logto.Page, error) {
	if k.l.Since != "" && k.Probe != nil && !k.answered.Load() {
		return k.requestMaybeUnknown(ctx, parent, query)
	}
	return k.requestListing(ctx, k.API, parent, query)
}

// requestMaybeUnknown asks for a list that the server may lack. All parents wait for
// the first one to find out: what the server does not have is learnt once.
func (k *walk) requestMaybeUnknown(ctx context.Context, parent string, query url.Values) (logto.Page, error) {
	k.doubt.Lock()
	if k.answered.Load() { // for another parent, in the meantime
		k.doubt.Unlock()
		return k.requestListing(ctx, k.API, parent, query)
	}
	defer k.doubt.Unlock()
	if k.lacking.Load() {
		return logto.Page{}, errNoSuchListing
	}
	page, err := k.requestListing(ctx, k.Probe, parent, query)
	if logto.IsUnknownPath(err) {
		return k.confirmNoSuchListing(ctx, parent, query)
	}
	return page, err
}

// requestListing asks once, and remembers if the server knew the listing.
func (k *walk) requestListing(ctx context.Context, api API, parent string, query url.Values) (logto.Page, error) {
	if k.stopRequested() {
		return logto.Page{}, ErrStopped
	}
	return k.sendListing(ctx, api, parent, query)
}

// sendListing is requestListing for what is finished even if the walk is to stop.
func (k *walk) sendListing(ctx context.Context, api API, parent string, query url.Values) (page logto.Page, err error) {
	k.addRequest(ctx)
	path := k.l.PathForParent(parent)
	if k.l.Member == "" {
		if page, err = api.List(ctx, path, query); err == nil {
			k.IDBatchSizer.observeHeaderOverhead(page.Header, path, query)
		}
	} else {
		page, err = k.fetchListField(ctx, api, path, query)
	}
	if err == nil || logto.IsNotFound(err) || errors.Is(err, errNoMember) {
		k.answered.Store(true)
	}
	return page, err
}

// confirmNoSuchListing asks again for a list that was answered with a 404 in
// plain text, between two requests for something that every server has. Only
// if these are answered, the tenant was there, and its server lacks the
// listing.
func (k *walk) confirmNoSuchListing(ctx context.Context, parent string, query url.Values) (logto.Page, error) {
	if err := k.requestNeighbor(ctx, parent); err != nil {
		return logto.Page{}, err
	}
	page, err := k.requestListing(ctx, k.Probe, parent, query)
	if !logto.IsUnknownPath(err) {
		return page, err
	}
	if err := k.requestNeighbor(ctx, parent); err != nil {
		return logto.Page{}, err
	}
	k.lacking.Store(true)
	return logto.Page{}, errNoSuchListing
}

// requestNeighbor asks for something that every version of the server has: the
// parent, or the roles.
func (k *walk) requestNeighbor(ctx context.Context, parent string) error {
	if k.stopRequested() {
		return ErrStopped
	}
	if parent != "" {
		_, err := k.parentExists(ctx, parent)
		return err
	}
	k.addRequest(ctx)
	_, err := k.API.List(ctx, catalog.Find("roles").Path, pageQuery(pastTheEnd, 1))
	return err
}

// parentExists asks for the parent by its own path.
func (k *walk) parentExists(ctx context.Context, parent string) (bool, error) {
	if k.stopRequested() {
		return false, ErrStopped
	}
	k.addRequest(ctx)
	_, err := k.API.Object(ctx, catalog.Find(k.l.Parent).PathForItem(parent), nil)
	if logto.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// concludeUnknownListing ends the walk of a listing that the server does not have. Where it
// has answered for another parent, or an earlier run, something else is wrong.
func (k *walk) concludeUnknownListing(ctx context.Context) error {
	if !k.lacking.Load() {
		return nil
	}
	path := k.l.Path
	if k.answered.Load() {
		k.downgrade(ctx, Failed, "the server answered some requests for "+path+" and said of others that there is no such path")
		return nil
	}
	before := false
	if k.ReadBefore != nil {
		var err error
		if before, err = k.ReadBefore(ctx, k.l); err != nil {
			return err
		}
	}
	if before {
		k.downgrade(ctx, Failed, "the server does not know "+path+" any more, which an earlier run has read; if Logto was set back to an older version, take the listing out of jobs.yaml")
		return nil
	}
	k.downgrade(ctx, Unknown, k.l.UnsupportedNote())
	return nil
}
