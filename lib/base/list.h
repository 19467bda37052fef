/*
 * A doubly linked ring of nodes that stand inside the things they link.  An
 * empty list's head points at itself; so does a node that is on no list.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* The struct that holds this node. */
#define LIST_ITEM(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* The body may remove and free the item it is at. */
#define LIST_EACH(it, after, head)                                \
	for (struct list *it = (head)->next, *after = it->next;   \
	     it != (head); it = after, after = it->next)

/* The same from the last to the first. */
#define LIST_EACH_BACK(it, before, head)                           \
	for (struct list *it = (head)->prev, *before = it->prev;   \
	     it != (head); it = before, before = it->prev)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void
list_insert_before(struct list *at, struct list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void
list_append(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

static inline void
list_prepend(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}

/* Harmless for a node that is on no list. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* NULL if empty; stays on the list. */
static inline struct list *
list_first(struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

#endif
