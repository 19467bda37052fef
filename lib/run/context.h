/*
 * Switching from one stack to another.  The C library's swapcontext saves the
 * signal mask as well, by two system calls a switch; no fiber has one of its
 * own.
 */
#ifndef RUN_CONTEXT_H
#define RUN_CONTEXT_H

#include <stddef.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#define CONTEXT_PORTABLE 1
#include <ucontext.h>
#endif

/* Where a stack was left: what a function has to preserve for its caller lies
 * on the stack itself. */
struct context {
#ifdef CONTEXT_PORTABLE
	ucontext_t portable;
#else
	void *stack_pointer;
#endif
};

/* The first switch to it calls `run`, which must never return, on this stack.
 * Both ends of the stack are multiples of 16. */
void context_make(
    struct context *c, void *stack, size_t size, void (*run)(void));
/* Leave the stack that we are on in `from`, and go on where `to` was left. */
void context_switch(struct context *from, const struct context *to);

#endif
