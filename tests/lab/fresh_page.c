/*
 * One thread lets the kernel write to a page that it has just given back, another reads there all the time. Ends well
 * when each write is found where it was asked for. Usage: fresh_page SECONDS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define PAGE 4096

static volatile char *page;
static volatile int done;

static void *reader(void *unused)
{
	while (!done)
		(void)page[PAGE - 1];
	return unused;
}

int main(int count, char **arguments)
{
	time_t end = time(NULL) + (count > 1 ? atoi(arguments[1]) : 1);
	unsigned long writes = 0, lost = 0;
	pthread_t thread;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || pthread_create(&thread, NULL, reader, NULL)) {
		perror("fresh_page");
		return 2;
	}
	for (; time(NULL) < end; writes++) {
		if (madvise((void *)page, PAGE, MADV_DONTNEED) || stat("/", (struct stat *)page)) {
			perror("fresh_page");
			return 2;
		}
		lost += ((volatile struct stat *)page)->st_nlink == 0;
	}
	done = 1;
	pthread_join(thread, NULL);
	printf("%lu writes, %lu lost\n", writes, lost);
	return writes == 0 || lost != 0;
}
