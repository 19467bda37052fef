/* /etc/hosts in memory: see hosts.h. */
#include "resolve/hosts.h"

#include "lib/base/mem.h"

#include <stdlib.h>

/* An entry is as large as its addresses. */
static struct hosts_entry *
entry_with_room(struct hosts_entry *old, size_t n)
{
	return xrealloc(old,
	    offsetof(struct hosts_entry, addrs) + n * sizeof(struct dns_addr));
}

static void
key_of(struct str *key, struct view name)
{
	str_set(key, dns_name_bare(name));
	str_lower(key);
}

static void
add_name(struct hosts *h, struct view name, const struct dns_addr *addr)
{
	struct str key = STR_EMPTY;
	struct hosts_entry *e;
	size_t n;

	key_of(&key, name);
	e = htable_find(&h->by_name, str_view(&key));
	n = e == NULL ? 0 : e->n;
	if (n < HOSTS_ADDRS_MAX && !hosts_has(h, name, addr) &&
	    (e != NULL || h->n_names++ < HOSTS_NAMES_MAX)) {
		e = entry_with_room(e, n + 1);
		e->addrs[n] = *addr;
		e->n = n + 1;
		htable_set(&h->by_name, str_view(&key), e);
	}
	str_clear(&key);
}

static void
add_addr(struct hosts *h, const struct dns_addr *addr, struct view name)
{
	char text[DNS_ADDR_TEXT_SIZE];

	dns_addr_text(addr, text);
	if (htable_find(&h->by_addr, view_of(text)) == NULL &&
	    h->by_addr.n_entries < HOSTS_NAMES_MAX)
		htable_set(
		    &h->by_addr, view_of(text), xstrndup(name.ptr, name.len));
}

static void
parse_line(struct hosts *h, struct view line)
{
	struct view rest = line, word;
	struct dns_addr addr;
	size_t comment = view_find(line, '#');

	if (comment != VIEW_NPOS)
		rest = view_first(line, comment);
	if (!view_token(&rest, " \t\r", &word) || !dns_addr_parse(word, &addr))
		return;
	while (view_token(&rest, " \t\r", &word)) {
		if (!dns_hostname_is_valid(word))
			continue;
		add_addr(h, &addr, dns_name_bare(word));
		add_name(h, word, &addr);
	}
}

static void
add_default(struct hosts *h, const char *address)
{
	struct dns_addr addr;

	if (!dns_addr_parse(view_of(address), &addr) ||
	    hosts_find_name(h, &addr) != NULL)
		return;
	add_addr(h, &addr, VIEW("localhost"));
	add_name(h, VIEW("localhost"), &addr);
}

void
hosts_parse(struct hosts *h, struct view text)
{
	struct view rest = text, line;

	*h = (struct hosts){ .n_names = 0 };
	htable_init(&h->by_name);
	htable_init(&h->by_addr);
	while (view_field(&rest, '\n', &line))
		parse_line(h, line);
	add_default(h, "127.0.0.1");
	add_default(h, "::1");
}

void
hosts_clear(struct hosts *h)
{
	htable_clear(&h->by_name, free);
	htable_clear(&h->by_addr, free);
}

const struct hosts_entry *
hosts_find(const struct hosts *h, struct view name)
{
	struct str key = STR_EMPTY;
	const struct hosts_entry *e;

	key_of(&key, name);
	e = htable_find(&h->by_name, str_view(&key));
	str_clear(&key);
	return e;
}

const char *
hosts_find_name(const struct hosts *h, const struct dns_addr *addr)
{
	char text[DNS_ADDR_TEXT_SIZE];

	dns_addr_text(addr, text);
	return htable_find(&h->by_addr, view_of(text));
}

bool
hosts_has(const struct hosts *h, struct view name, const struct dns_addr *addr)
{
	const struct hosts_entry *e = hosts_find(h, name);

	for (size_t i = 0; e != NULL && i < e->n; i++)
		if (dns_addr_eq(&e->addrs[i], addr))
			return true;
	return false;
}
