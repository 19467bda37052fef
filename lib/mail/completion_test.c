/* Which addresses `rewrite` is asked about, and how often. */
#include "lib/mail/completion.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/address.h"

#include <string.h>

/* --- in place of the other process --- */

static struct conf conf;
static struct ipc_service rewrite;
static struct completion completion;
static struct {
	bool is_down, lies;
	bool has_new_tables; /* told with the next answer */
	int n_asked;
	struct str answer;
} other = { .answer = STR_EMPTY };

struct err
ipc_call(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	const struct ipc_rewrite *r = ask;

	if (other.has_new_tables)
		s->generation++;
	other.has_new_tables = false;
	(void)ask_type, (void)answer_type, (void)keep, (void)deadline;
	other.n_asked++;
	if (other.is_down)
		return err_make(ERR_TEMP, "it is down");
	str_set(&other.answer, r->address);
	str_add_text(&other.answer, other.lies ? "\n" :
		view_eq(r->context, VIEW("local")) ? "@here.example" :
						     "@far.example");
	*(struct ipc_rewritten *)answer =
	    (struct ipc_rewritten){ .address = str_view(&other.answer) };
	return ERR_OK;
}

void
ipc_keep_clear(struct ipc_keep *k)
{
	(void)k;
}

static void
begin(void)
{
	conf = (struct conf){ .ipc_timeout = 100 };
	rewrite = (struct ipc_service){ .generation = 1 };
	completion = (struct completion){ .conf = &conf, .rewrite = &rewrite };
	other.is_down = other.lies = false;
	other.n_asked = 0;
}

static void
end(void)
{
	completion_clear(&completion);
	str_clear(&other.answer);
}

/* The full form, or why there is none; until the next call. */
static const char *
found(const char *context, const char *address)
{
	static struct str out;
	static struct err e;

	str_clear(&out);
	e = completion_find(&completion, context, view_of(address), &out);
	return err_is(e) ? e.text : out.ptr;
}

/* --- tests --- */

static const struct {
	const char *address;
	bool needless;
} addresses[] = {
	{ "", true },
	{ "joe@example.org", true },
	{ "\"joe doe\"@example.org", true },
	{ "joe@[192.0.2.1]", true },
	{ "joe", false },
	{ "joe@pc", false },
	{ "joe@example.org.", false },
	{ "joe@", false },
	{ "@example.org", false },
	{ "host!joe@example.org", false },
	{ "joe%host@example.org", false },
	{ "@a.example:joe@example.org", false },
	{ "joe@a@example.org", false },
};

START_TEST(what_is_complete_needs_no_question)
{
	ck_assert_int_eq(
	    completion_is_needless(view_of(addresses[_i].address)),
	    addresses[_i].needless);
}
END_TEST

START_TEST(an_answer_is_kept)
{
	begin();
	ck_assert_str_eq(found("local", "joe@example.org"), "joe@example.org");
	ck_assert_int_eq(other.n_asked, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(found("local", "joe"), "joe@here.example");
		ck_assert_str_eq(found("remote", "joe"), "joe@far.example");
		ck_assert_int_eq(other.n_asked, 2);
	}
	/* Other processes of the service, another configuration. */
	rewrite.generation++;
	ck_assert_str_eq(found("local", "joe"), "joe@here.example");
	ck_assert_int_eq(other.n_asked, 3);
	/* The same, told by the connection on which the answer comes. */
	other.has_new_tables = true;
	ck_assert_str_eq(found("local", "ann"), "ann@here.example");
	ck_assert_str_eq(found("local", "ann"), "ann@here.example");
	ck_assert_int_eq(other.n_asked, 4);
	ck_assert_str_eq(found("local", "joe"), "joe@here.example");
	ck_assert_int_eq(other.n_asked, 5);
	end();
}
END_TEST

START_TEST(a_failure_is_not_kept)
{
	begin();
	other.is_down = true;
	ck_assert_str_eq(found("local", "joe"), "it is down");
	other.is_down = false;
	other.lies = true;
	ck_assert_ptr_nonnull(strstr(found("local", "joe"), "is no address"));
	other.lies = false;
	ck_assert_str_eq(found("local", "joe"), "joe@here.example");
	ck_assert_int_eq(other.n_asked, 3);
	end();
}
END_TEST

START_TEST(there_is_an_end_to_what_is_kept)
{
	begin();
	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%d", i);
		found("local", name);
		ck_assert_uint_le(completion.known.n_entries, 256);
	}
	ck_assert_int_eq(other.n_asked, 10000);
	end();
}
END_TEST

UNIT_MAIN("completion",
    { what_is_complete_needs_no_question, ARRAY_LEN(addresses) },
    { an_answer_is_kept, 1 }, { a_failure_is_not_kept, 1 },
    { there_is_an_end_to_what_is_kept, 1 })
