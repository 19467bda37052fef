/*
 * The one error value.  A function that can go wrong returns it; nobody looks
 * at globals for what went wrong.  The kind is what a caller decides by, the
 * text is a verb and its object ("open incoming/4F2A: Permission denied").
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE,
	ERR_TEMP, /* may go away by itself: 4xx, defer */
	ERR_PERM, /* will not: 5xx, bounce */
	ERR_GONE, /* the peer left */
	ERR_TIME, /* the deadline passed */
};

struct err {
	enum err_kind kind;
	char text[200];
};

/*
 * No error: by far the most frequent value.  Its text is empty, and what is
 * behind that is not cleared, though the compiler is told to clear whatever is
 * declared: that takes longer than most functions that return one.
 */
#define ERR_OK err_ok()

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define ERR_NOT_CLEARED __attribute__((uninitialized))
#endif
#endif
#ifndef ERR_NOT_CLEARED
#define ERR_NOT_CLEARED
#endif

static inline struct err
err_ok(void)
{
	struct err e ERR_NOT_CLEARED;

	e.kind = ERR_NONE;
	e.text[0] = '\0';
	return e;
}

/* An error of this kind; the text is cut to fit.  Keeps errno. */
struct err err_make(enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with ": " and the text of errno appended. */
struct err err_sys(enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The error that errno stands for: ETIMEDOUT is ERR_TIME; a closed or reset
 * connection is ERR_GONE; everything else ERR_TEMP. */
struct err err_io(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Puts "what: " before the text of e, and returns it. */
struct err err_within(struct err e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline int
err_is(struct err e)
{
	return e.kind != ERR_NONE;
}

#endif
