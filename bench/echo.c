// The peer of bench/sdp: hears what is sent to all nodes of a link at UDP port 15118, and sends it back. No more than a socket.
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    static char buffer[65536];
    if (argc != 2) return 2;
    unsigned index = if_nametoindex(argv[1]);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), size = 4 << 20;
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(15118), .sin6_scope_id = index};
    own.sin6_addr.s6_addr[0] = 0xff, own.sin6_addr.s6_addr[1] = 0x02, own.sin6_addr.s6_addr[15] = 0x01;
    struct ipv6_mreq group = {.ipv6mr_multiaddr = own.sin6_addr, .ipv6mr_interface = index};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) || setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group)) {
        perror(argv[1]);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct sockaddr_in6 peer;
        socklen_t length = sizeof peer;
        ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
        if (got >= 0) sendto(fd, buffer, (size_t)got, 0, (struct sockaddr *)&peer, length);
    }
}
