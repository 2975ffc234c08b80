/*
 * A C++ program outside of the tree: the headers are clean C++, the functions have C linkage.
 * usage: consumer VERSION
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <iostream>
#include <string>

int main(int argc, char **argv) {
  const std::string text = "coap://device.example/a%20b";
  acoap_uri_t uri;
  if (argc != 2 || std::string(argv[1]) != acoap_version()) {
    std::cerr << "library " << acoap_version() << "\n";
    return 1;
  }
  if (acoap_uri_parse(text.data(), text.size(), &uri, nullptr) != 0 || uri.port != 5683) {
    std::cerr << "the URI was not read\n";
    return 1;
  }
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_accept(desc, ACOAP_FORMAT_JSON);
  acoap_desc_free(desc);
  std::cout << "acoap " << acoap_version() << "\n";
  return 0;
}
