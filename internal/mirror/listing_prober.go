package mirror

import (
	"context"
	"fmt"
	"net/url"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// A ListingProber asks which listings a server lacks because it is older than they are.
// It is not safe for concurrent use.
type ListingProber struct {
	api  extract.API
	seen map[string]bool // if the server has what came with a version of Logto
}

// NewListingProber returns a ListingProber of the server behind a client.
func NewListingProber(client *logto.Client) *ListingProber {
	return &ListingProber{api: client.WithoutUnknownPathRetries(), seen: map[string]bool{}}
}

// UnsupportedListings returns, of the listings, those that the server does not have. It costs a
// request for each version of Logto that introduced one of them.
func (p *ListingProber) UnsupportedListings(ctx context.Context, listings []*catalog.Listing) ([]*catalog.Listing, error) {
	var absent []*catalog.Listing
	for _, l := range listings {
		there, err := p.supports(ctx, l)
		if err != nil {
			return nil, err
		}
		if !there {
			absent = append(absent, l)
		}
	}
	return absent, nil
}

// supports tells if the server has a listing: of a parent that no tenant has, a server
// that knows the path says so.
func (p *ListingProber) supports(ctx context.Context, l *catalog.Listing) (bool, error) {
	if l.Since == "" {
		return true, nil
	}
	if there, known := p.seen[l.Since]; known {
		return there, nil
	}
	_, err := p.api.List(ctx, l.PathForParent("none"), url.Values{"page": {"1"}, "page_size": {"1"}})
	unknown := logto.IsUnknownPath(err)
	if err != nil && !unknown && !logto.IsNotFound(err) {
		return false, fmt.Errorf("ask for %s: %w", l.Name, err)
	}
	p.seen[l.Since] = !unknown
	return !unknown, nil
}

// estimateUnsupported is the estimate of a listing that the server lacks: it is asked for, and,
// to be sure that there is no outage, three requests more.
func estimateUnsupported(l *catalog.Listing) Estimate {
	return Estimate{Listing: l.Name, Walk: l.Walk, Requests: 4, Note: l.UnsupportedNote()}
}
