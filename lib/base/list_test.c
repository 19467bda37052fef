/* The ring: order, removal, removal while walking. */
#include "lib/base/list.h"

#include "lib/base/unit.h"

#include <string.h>

struct item {
	char name;
	struct list node;
};

/* The names on the list, forwards; checks that backwards is the reverse. */
static const char *
names(struct list *head)
{
	static char text[16];
	size_t n = 0;

	LIST_EACH (at, after, head)
		text[n++] = LIST_ITEM(at, struct item, node)->name;
	text[n] = '\0';
	for (struct list *at = head->prev; at != head; at = at->prev)
		ck_assert_int_eq(
		    LIST_ITEM(at, struct item, node)->name, text[--n]);
	ck_assert_uint_eq(n, 0);
	return text;
}

static struct list head;
static struct item a, b, c;

static void
set_up(void)
{
	a.name = 'a';
	b.name = 'b';
	c.name = 'c';
	list_init(&head);
	list_init(&a.node);
	list_init(&b.node);
	list_init(&c.node);
}

START_TEST(items_stand_where_they_were_put)
{
	set_up();
	ck_assert(list_is_empty(&head));
	ck_assert_ptr_null(list_first(&head));
	ck_assert_str_eq(names(&head), "");
	list_append(&head, &b.node);
	ck_assert(!list_is_empty(&head));
	list_append(&head, &c.node);
	list_prepend(&head, &a.node);
	ck_assert_str_eq(names(&head), "abc");
	ck_assert_ptr_eq(list_first(&head), &a.node);
	list_remove(&b.node);
	ck_assert_str_eq(names(&head), "ac");
	list_insert_before(&c.node, &b.node);
	ck_assert_str_eq(names(&head), "abc");
}
END_TEST

START_TEST(removal_is_complete_and_may_be_repeated)
{
	set_up();
	list_remove(&a.node);
	list_append(&head, &a.node);
	list_remove(&a.node);
	list_remove(&a.node);
	ck_assert(list_is_empty(&head));
	ck_assert(list_is_empty(&a.node));
}
END_TEST

START_TEST(the_walk_survives_removal_of_where_it_is)
{
	size_t seen = 0;

	set_up();
	list_append(&head, &a.node);
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	LIST_EACH (at, after, &head) {
		struct item *item = LIST_ITEM(at, struct item, node);

		list_remove(at);
		/* As if it had been freed. */
		memset(item, 0xff, sizeof(*item));
		seen++;
	}
	ck_assert_uint_eq(seen, 3);
	ck_assert(list_is_empty(&head));
}
END_TEST

UNIT_MAIN("list", { items_stand_where_they_were_put, 1 },
    { removal_is_complete_and_may_be_repeated, 1 },
    { the_walk_survives_removal_of_where_it_is, 1 })
