/* Gives files to the fuzzer's entry point, one after the other. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) {
        return 0;
    }
    size_t size = (size_t)ftell(stream);
    uint8_t *data = malloc(size + 1);
    rewind(stream);
    if (data == NULL || fread(data, 1, size, stream) != size) {
        return 0;
    }
    fclose(stream);
    /* A block that ends where the file does. */
    uint8_t *exact = realloc(data, size ? size : 1);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

int main(int count, char **paths) {
    for (int i = 1; i < count; i++) {
        if (!replay(paths[i])) {
            fprintf(stderr, "%s: cannot be read\n", paths[i]);
            return 1;
        }
    }
    printf("%d files\n", count - 1);
    return 0;
}
