/*
 * The tables of header and body checks, as cleanup and the delivery agents have
 * them: which one is for what, and an answer taken apart (header_checks(5)).
 */
#ifndef MAIL_CHECK_MAPS_H
#define MAIL_CHECK_MAPS_H

#include "lib/conf/conf.h"
#include "lib/mail/mime.h"
#include "lib/table/table.h"

enum check_map {
	CHECK_HEADER,
	CHECK_MIME,
	CHECK_NESTED,
	CHECK_BODY,
	CHECK_MAPS,
};

struct check_maps {
	struct table_list *lists[CHECK_MAPS];
	const char *names[CHECK_MAPS]; /* of their parameters */
	struct mime_limits limits;
	int64_t body_size; /* of each part; 0: all of it */
	bool is_any;
	bool is_body_any; /* beyond the message's own header */
};

/* Open the tables; the values are the parameters'.  What cannot be opened
 * fails when it is asked; ERR_PERM is a value that cannot be.  Clear it in both
 * cases. */
struct err check_maps_open(struct check_maps *c, const struct conf *conf,
    const char *const names[CHECK_MAPS], const char *const values[CHECK_MAPS]);
void check_maps_close(struct check_maps *c);
bool check_maps_have_changed(const struct check_maps *c);

/* The map that a header is looked up in: MIME headers have one of their own,
 * wherever they stand. */
enum check_map check_maps_of(const struct mime_event *header);
/* Is a map there to be asked of this line of a body? */
bool check_maps_want_line(
    const struct check_maps *c, const struct mime_event *line);
/* Nothing that follows would be looked up. */
bool check_maps_are_done(const struct check_maps *c, const struct mime *mime,
    bool is_past_header);

/* "ACTION argument" */
void check_split(
    struct view answer, struct view *action, struct view *argument);

/* May the argument of this action stand in the place of what was looked up?
 * Else that is warned of. */
bool check_maps_take_text(const struct check_maps *c, enum check_map map,
    const char *action, struct view argument);

/* As it may be shown: at most `max` bytes of the text, with `instead` in the
 * place of control characters. */
void check_add_shown(
    struct str *out, struct view text, size_t max, char instead);

#endif
