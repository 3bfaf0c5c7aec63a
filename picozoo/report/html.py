"""stub"""
def page(reports, command=""): return ""
