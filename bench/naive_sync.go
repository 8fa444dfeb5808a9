package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2/clientcredentials"
)

// pageWalkSubcommand makes this program one that syncer is compared with: it
// reads users as the documentation of the Management API says, page after page.
// Nothing makes it worse than it must be: one connection that is kept, pages of
// 100, rows decoded once. LOGTO_ENDPOINT, LOGTO_RESOURCE, LOGTO_APP_ID,
// LOGTO_APP_SECRET and DATABASE_URL say what it reads and where it writes.
const pageWalkSubcommand = "page-walk"

// The two ways to write.
const (
	upsertRows   = "upsert"     // one statement a row, one transaction a page: what one writes first
	copyAndMerge = "copy-merge" // COPY, then one insert on conflict do update: what one writes if that is too slow
)

// A naiveSyncUser is what most would store of a user: some columns, and the
// document.
type naiveSyncUser struct {
	ID           string  `json:"id"`
	Username     *string `json:"username"`
	PrimaryEmail *string `json:"primaryEmail"`
	PrimaryPhone *string `json:"primaryPhone"`
	Name         *string `json:"name"`
	Avatar       *string `json:"avatar"`
	CreatedAt    int64   `json:"createdAt"` // milliseconds since 1970
	UpdatedAt    int64   `json:"updatedAt"`
	LastSignInAt *int64  `json:"lastSignInAt"`
	document     json.RawMessage
}

const (
	pageWalkTable = `create table if not exists plain_users (
    id text primary key, username text, primary_email text, primary_phone text, name text, avatar text,
    created_at timestamptz, updated_at timestamptz, last_sign_in_at timestamptz, document jsonb
); create temporary table arrived (like plain_users)`
	pageWalkColumns = "id, username, primary_email, primary_phone, name, avatar, created_at, updated_at, last_sign_in_at, document"
)

func (u naiveSyncUser) values() []any {
	var signedIn *time.Time
	if u.LastSignInAt != nil {
		t := time.UnixMilli(*u.LastSignInAt)
		signedIn = &t
	}
	return []any{
		u.ID, u.Username, u.PrimaryEmail, u.PrimaryPhone, u.Name, u.Avatar,
		time.UnixMilli(u.CreatedAt), time.UnixMilli(u.UpdatedAt), signedIn, u.document,
	}
}

func runNaiveSync(ctx context.Context, way string) error {
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, pageWalkTable); err != nil {
		return err
	}
	columns := strings.Split(pageWalkColumns, ", ")
	var values, set []string
	for i, c := range columns {
		values, set = append(values, fmt.Sprintf("$%d", i+1)), append(set, c+" = excluded."+c)
	}
	merge := " on conflict (id) do update set " + strings.Join(set, ", ")
	write := func(users []naiveSyncUser) error {
		source := pgx.CopyFromSlice(len(users), func(i int) ([]any, error) { return users[i].values(), nil })
		_, err := conn.CopyFrom(ctx, pgx.Identifier{"arrived"}, columns, source)
		return err
	}
	if way == upsertRows {
		upsert := "insert into plain_users (" + pageWalkColumns + ") values (" + strings.Join(values, ", ") + ")" + merge
		write = func(users []naiveSyncUser) error {
			return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				for _, u := range users {
					if _, err := tx.Exec(ctx, upsert, u.values()...); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := forEachUserPage(ctx, write); err != nil {
		return err
	}
	// distinct: Postgres refuses to update a row twice, and a row may come twice.
	_, err = conn.Exec(ctx, "insert into plain_users select distinct on (id) * from arrived"+merge)
	return err
}

// forEachUserPage hands every page of users to write, until a page is not full.
func forEachUserPage(ctx context.Context, write func([]naiveSyncUser) error) error {
	client := (&clientcredentials.Config{
		ClientID: os.Getenv("LOGTO_APP_ID"), ClientSecret: os.Getenv("LOGTO_APP_SECRET"), TokenURL: os.Getenv("LOGTO_ENDPOINT") + "/oidc/token",
		Scopes: []string{"all"}, EndpointParams: map[string][]string{"resource": {os.Getenv("LOGTO_RESOURCE")}},
	}).Client(ctx)
	for page := 1; ; page++ {
		users, err := fetchUsersPage(ctx, client, page)
		if err != nil {
			return fmt.Errorf("read page %d: %w", page, err)
		}
		if err := write(users); err != nil {
			return err
		}
		if len(users) < 100 {
			return nil
		}
	}
}

func fetchUsersPage(ctx context.Context, client *http.Client, page int) ([]naiveSyncUser, error) {
	address := fmt.Sprintf("%s/api/users?page=%d&page_size=100", os.Getenv("LOGTO_ENDPOINT"), page)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	var documents []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&documents); err != nil {
		return nil, err
	}
	users := make([]naiveSyncUser, len(documents))
	for i, d := range documents {
		if err := json.Unmarshal(d, &users[i]); err != nil {
			return nil, err
		}
		users[i].document = d
	}
	return users, nil
}
