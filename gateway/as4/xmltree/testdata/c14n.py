# Reads documents, one JSON object per line: doc (base64), path (indexes of child elements from the root), prefixes.
# Writes for each a line: the exclusive canonical form by libxml2 without comments in base64, or "error: ...".
# lxml says whether the document is accepted; libxml2 itself is asked for the form, because lxml drops "#default" from
# lists of prefixes, and because the element is to be a subset of its document and no document of its own.
import base64
import ctypes
import json
import sys

from lxml import etree

xml2 = ctypes.CDLL("libxml2.so.2")
for name in ("xmlReadMemory", "xmlXPathNewContext", "xmlXPathEval"):
    getattr(xml2, name).restype = ctypes.c_void_p


class XPathObject(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("nodes", ctypes.c_void_p)]


def canonical(data, path, prefixes):
    doc = ctypes.c_void_p(xml2.xmlReadMemory(data, len(data), None, None, 1 << 11))
    context = ctypes.c_void_p(xml2.xmlXPathNewContext(doc))
    element = "/*" + "".join("/*[%d]" % (i + 1) for i in path)
    subset = "%s/descendant-or-self::node() | %s/descendant-or-self::*/@* | %s/descendant-or-self::*/namespace::*"
    found = ctypes.c_void_p(xml2.xmlXPathEval((subset % (element, element, element)).encode(), context))
    nodes = ctypes.c_void_p(ctypes.cast(found, ctypes.POINTER(XPathObject)).contents.nodes)
    names = (ctypes.c_char_p * (len(prefixes) + 1))(*[p.encode() for p in prefixes], None)
    out = ctypes.c_void_p()
    n = xml2.xmlC14NDocDumpMemory(doc, nodes, 1, names, 0, ctypes.byref(out))
    if n < 0:
        raise ValueError("libxml2 does not canonicalise it")
    result = ctypes.string_at(out, n)
    ctypes.CDLL(None).free(out)
    xml2.xmlXPathFreeObject(found)
    xml2.xmlXPathFreeContext(context)
    xml2.xmlFreeDoc(doc)
    return result


for line in sys.stdin:
    case = json.loads(line)
    data = base64.b64decode(case["doc"])
    try:
        etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
        print(base64.b64encode(canonical(data, case["path"], case["prefixes"])).decode())
    except Exception as problem:
        print("error:", str(problem).replace("\n", " "))
    sys.stdout.flush()
