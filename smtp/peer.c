/* What a server offers: see peer.h. */
#include "smtp/peer.h"

#include "lib/base/mem.h"

static void
read_size(struct peer *p, struct view args)
{
	struct view word;
	uint64_t size;

	if (view_token(&args, " \t", &word) && view_to_uint(word, 10, &size) &&
	    size <= INT64_MAX)
		p->size_max = (int64_t)size;
}

static void
read_xforward(struct peer *p, struct view args)
{
	static const struct {
		struct view name;
		unsigned bit;
	} names[] = {
		{ { "NAME", 4 }, PEER_FORWARD_NAME },
		{ { "ADDR", 4 }, PEER_FORWARD_ADDR },
		{ { "PROTO", 5 }, PEER_FORWARD_PROTO },
		{ { "HELO", 4 }, PEER_FORWARD_HELO },
		{ { "IDENT", 5 }, PEER_FORWARD_IDENT },
		{ { "SOURCE", 6 }, PEER_FORWARD_SOURCE },
	};
	struct view word;

	while (view_token(&args, " \t", &word))
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (view_eq_case(word, names[i].name))
				p->forwards |= names[i].bit;
}

static const struct {
	struct view keyword;
	unsigned offer;
	void (*read)(struct peer *p, struct view args);
} keywords[] = {
	{ { "PIPELINING", 10 }, PEER_PIPELINING, NULL },
	{ { "SIZE", 4 }, PEER_SIZE, read_size },
	{ { "8BITMIME", 8 }, PEER_8BITMIME, NULL },
	{ { "SMTPUTF8", 8 }, PEER_SMTPUTF8, NULL },
	{ { "DSN", 3 }, PEER_DSN, NULL },
	{ { "CHUNKING", 8 }, PEER_CHUNKING, NULL },
	{ { "STARTTLS", 8 }, PEER_STARTTLS, NULL },
	{ { "AUTH", 4 }, PEER_AUTH, NULL },
	{ { "XFORWARD", 8 }, PEER_XFORWARD, read_xforward },
	{ { "ENHANCEDSTATUSCODES", 19 }, PEER_ENHANCED, NULL },
};

static bool
is_listed(struct view list, struct view word)
{
	struct view item;

	while (view_token(&list, ", \t\r\n", &item))
		if (view_eq_case(item, word))
			return true;
	return false;
}

void
peer_read_hello(struct peer *p, const struct reply *r, struct view discard)
{
	struct view rest = str_view(&r->text), line, word;

	*p = (struct peer){ 0 };
	/* The first line is the server's name and its greeting. */
	if (!reply_next_line(&rest, &line))
		return;
	while (reply_next_line(&rest, &line)) {
		if (!view_token(&line, " \t", &word) ||
		    is_listed(discard, word))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
			if (!view_eq_case(word, keywords[i].keyword))
				continue;
			p->offers |= keywords[i].offer;
			if (keywords[i].read != NULL)
				keywords[i].read(p, line);
		}
	}
}

struct view
peer_name(const struct reply *r)
{
	struct view rest = str_view(&r->text), line, word = VIEW_EMPTY;

	if (reply_next_line(&rest, &line))
		view_token(&line, " \t", &word);
	return word;
}
