"""Small exports in the layouts of real systems, and what they come to, worked out by hand.

Each shop's figures are (net sales, orders, buyers) by month; an order is one that counts and has goods, a buyer has
one. Rows of files stand on one line each, however long.
"""

# ruff: noqa: E501

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Export:
    """The files of one shop, as bytes by name, and what they come to by month."""

    files: dict[str, bytes]
    expected: dict[str, tuple[Decimal, int, int]]
    options: tuple[str, ...] = ()
    rejected: dict[str, int] = field(default_factory=dict)


def text(content: str) -> bytes:
    return content.lstrip("\n").encode()


def money(net: str, orders: int, buyers: int) -> tuple[Decimal, int, int]:
    return Decimal(net), orders, buyers


SHOPIFY_HEAD = (
    "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Canceled at,Payment Method,Refunded Amount,Vendor,Location,"
    "Source,Lineitem discount,Phone\n"
)
# #1: 2 x 10.00 and 1 x 5.50 less 2.55 in all: 22.95; #2 by the same person in other letters, partly refunded: 6.00 of 33.00,
# goods 30.00: 5.45 back; #3 a gift card and a tip alone; #4 cancelled; #5 refunded whole; #6 a test; #7 pending, by phone
SHOPIFY = Export(
    {
        "orders_export_1.csv": text(
            SHOPIFY_HEAD
            + "#1,ann@example.com,paid,x,EUR,22.95,4.00,0.00,26.95,TEN,2.55,2024-01-31 23:30:00 +0100,2,Mug,10.00,M-1,,card,0.00,V,,web,0.00,\n"
            + "#1,,,,,,,,,,,,1,Pen,5.50,,,,,V,,,0.00,\n"
            + "#2,Ann@Example.com,partially_refunded,x,EUR,30.00,3.00,0.00,33.00,,0.00,2024-02-10 12:00:00 +0100,3,Mug,10.00,M-1,,card,6.00,V,,web,0.00,\n"
            + "#3,bob@example.com,paid,x,EUR,52.00,0,0,52.00,,0,2024-02-11 12:00:00 +0100,1,Gift Card - 50,50.00,,,card,0.00,V,,web,0,\n"
            + "#3,,,,,,,,,,,,1,Tip,2.00,,,,,,,,0,\n"
            + "#4,bob@example.com,voided,x,EUR,10.00,0,0,10.00,,0,2024-02-12 12:00:00 +0100,1,Mug,10.00,M-1,2024-02-13 12:00:00 +0100,card,0.00,V,,web,0,\n"
            + "#5,cy@example.com,refunded,x,EUR,10.00,3.00,0,13.00,,0,2024-02-13 12:00:00 +0100,1,Mug,10.00,M-1,,card,13.00,V,,web,0,\n"
            + "#6,cy@example.com,paid,x,EUR,10.00,0,0,10.00,,0,2024-02-14 12:00:00 +0100,1,Mug,10.00,M-1,,(for testing) Bogus Gateway,0.00,V,,web,0,\n"
            + "#7,,pending,,EUR,7.50,0,0,7.50,,0,2024-02-15 12:00:00 +0100,1,Mug,10.00,M-1,,card,0.00,V,Main,pos,2.50,+1 555\n"
        ),
        # the same order again, one line less: 2 x 10.00; and a new one, with a fee of 1.00 that no line has
        "orders_export_2.csv": text(
            SHOPIFY_HEAD
            + "#1,ann@example.com,paid,x,EUR,20.00,4.00,0.00,24.00,,0.00,2024-01-31 23:30:00 +0100,2,Mug,10.00,M-1,,card,0.00,V,,web,0.00,\n"
            + "#8,dee@example.com,paid,x,EUR,8.00,0,0,9.00,,0,2024-03-01 00:30:00 +0100,1,Pad,8.00,P-1,,card,0.00,V,,web,0,\n"
        ),
        "customers_export.csv": text(
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Country Code,Phone,"
            "Accepts SMS Marketing,Total Spent,Total Orders\n'77,A,B,ann@example.com,yes,DE,,no,50.00,2\n"
        ),
    },
    {
        "2024-01": money("20.00", 1, 1),
        "2024-02": money("32.05", 3, 3),  # 30.00 - 5.45 + 10.00 - 10.00 + 7.50
        "2024-03": money("8.00", 1, 1),
    },
    ("--timezone", "Europe/Berlin"),
    {"gift_card": 1, "tip": 1},
)
# 501: 3 x 4.00 of which one came back: 8.00, and 1 x 6.00; 1.80 of 18.00 discount, of which 1.40 falls to the 14.00 kept;
# 16.20 paid and 3.60 given back
WOOCOMMERCE = Export(
    {
        "orders-2024.csv": text(
            "Order Number,Order Status,Order Date,Email (Billing),Country Code (Billing),Cart Discount Amount,"
            "Order Subtotal Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Order Total Amount,Order Refund Amount\n"
            "501,Completed,2024-05-31 23:59,ann@example.org,DE,1.80,18.00,A,1,Mug,2,4.00,16.20,3.60\n"
            "501,Completed,2024-05-31 23:59,ann@example.org,DE,1.80,18.00,B,2,Pen,1,6.00,16.20,3.60\n"
            "502,On hold,2024-06-01 00:00,ANN@example.org,DE,0,4.00,A,1,Mug,1,4.00,4.00,0\n"
            "503,Failed,2024-06-02 10:00,bo@example.org,DE,0,4.00,A,1,Mug,1,4.00,4.00,0\n"
            "504,Processing,2024-06-03 10:00,bo@example.org,DE,0,8.00,A,1,Mug,1,4.00,8.00,0\n"
            "504,Processing,2024-06-03 10:00,bo@example.org,DE,0,8.00,A,2,Mug,1,4.00,8.00,0\n"
        )
    },
    {"2024-05": money("12.60", 1, 1), "2024-06": money("12.00", 2, 2)},
)
WIDE_ITEM = "name:{}|product_id:1|sku:{}|quantity:{}|total:{}|sub_total:{}|tax:0|tax_data:"
WOOCOMMERCE_WIDE = Export(
    {
        "export.csv": text(
            "order_id,order_date,status,order_total,order_subtotal,order_currency,customer_email,billing_email,"
            "billing_phone,billing_country,billing_first_name,billing_last_name,billing_postcode,line_item_1,line_item_2\n"
            f"9,2024-05-01 10:00:00,completed,12.00,13.00,EUR,ann@example.org,,,DE,Ann,Lee,01067,{WIDE_ITEM.format('Mug', 'A', 2, '7.20', '8.00')},"
            f"{WIDE_ITEM.format('Pen', '', 1, '4.80', '5.00')}\n"
            f"10,2024-05-02 10:00:00,refunded,5.00,5.00,EUR,,bo@example.org,,DE,,,,{WIDE_ITEM.format('Pen', 'P', 1, '5.00', '5.00')},\n"
            f"11,2024-05-03 10:00:00,cancelled,5.00,5.00,EUR,,bo@example.org,,DE,,,,{WIDE_ITEM.format('Pen', 'P', 1, '5.00', '5.00')},\n"
            "12,2024-05-04 10:00:00,completed,0,0,EUR,,bo@example.org,,DE,,,,,\n"
        )
    },
    {"2024-05": money("12.00", 2, 2)},
    rejected={"an order without a line": 1},
)
WOOCOMMERCE_ANALYTICS = Export(
    {
        "wc-orders-report.csv": text(
            "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net Sales\n"
            '2024-04-01 10:00:00,7001,"€1,250.00",completed,Ann Other,new,2× Desk,2,,1250.00\n'
            "2024-04-02 10:00:00,7002,€5.00,refunded,Bo Other,new,1× Pen,1,,5.00\n"
            "2024-05-02 10:00:00,7003,€5.00,cancelled,Bo Other,new,1× Pen,1,,5.00\n"
            "2024-05-03 10:00:00,7004,€7.25,processing,Bo Other,new,1× Pen,1,,7.25\n"
        )
    },
    {"2024-04": money("1255.00", 2, 0), "2024-05": money("7.25", 1, 0)},
)
# two equal lines of one payment; a discount; a refund on its own day, of another month
SQUARE = Export(
    {
        "items-2024.csv": text(
            "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,"
            "Payment ID,Event Type,Location,Customer ID,Channel\n"
            "2024-03-01,14:05:06,Eastern Time (US & Canada),Drinks,Tea,-1.0,Regular,,-$3.00,$0.50,-$2.50,$0.00,T1,P2,Refund,Main,C1,Till\n"
            "2024-02-29,23:30:00,Eastern Time (US & Canada),Drinks,Tea,1.0,Regular,,$3.00,-$0.50,$2.50,$0.00,T1,P1,Payment,Main,C1,Till\n"
            "2024-02-29,23:30:00,Eastern Time (US & Canada),Drinks,Tea,1.0,Regular,,$3.00,-$0.50,$2.50,$0.00,T1,P1,Payment,Main,C1,Till\n"
            '2024-02-28,10:00:00,Eastern Time (US & Canada),None,Urn,1.0,Regular,U-1,"$1,250.00",$0.00,"$1,250.00",$0.00,T0,P0,Payment,Main,,Till\n'
        )
    },
    {"2024-02": money("1255.00", 2, 1), "2024-03": money("-2.50", 0, 0)},
)
STRIPE = Export(
    {
        "unified_payments.csv": text(
            "id,Created (UTC),Amount,Amount Refunded,Currency,Captured,Mode,Status,Customer ID,Customer Email\n"
            'ch_1,2024-06-05 20:38:34,"1,000.00",0.00,eur,true,Live,Paid,cus_1,ann@example.com\n'
            "ch_2,2024-06-06 20:38:34,10.00,4.00,eur,true,Live,Paid,,bo@example.com\n"
            "ch_3,2024-06-07 20:38:34,10.00,10.00,eur,true,Live,Refunded,,Bo@example.com\n"
            "ch_4,2024-06-08 20:38:34,10.00,0.00,eur,false,Live,Failed,cus_4,\n"
            "ch_5,2024-06-09 20:38:34,10.00,0.00,eur,true,Test,Paid,cus_5,\n"
        )
    },
    {"2024-06": money("1006.00", 3, 2)},
)
MAGENTO = Export(
    {
        "export.csv": text(
            'ID,"Purchase Point","Purchase Date","Grand Total (Base)",Status,"Customer Email",Subtotal,"Shipping and Handling",'
            '"Total Refunded"\n'
            '000000101,Main,"Dec 12, 2023 4:05:11 PM",25.00,complete,ann@example.com,20.00,5.00,0.00\n'
            '000000102,Main,"Dec 13, 2023 4:05:11 AM",25.00,closed,bo@example.com,20.00,5.00,25.00\n'
            '000000103,Main,"Dec 14, 2023 4:05:11 AM",25.00,canceled,bo@example.com,20.00,5.00,0.00\n'
            '000000104,Main,"Jan 2, 2024 4:05:11 AM",24.00,processing,ann@example.com,20.00,4.00,6.00\n'
        )
    },
    {"2023-12": money("20.00", 2, 2), "2024-01": money("15.00", 1, 1)},
)
AMAZON = Export(
    {
        "123456789.txt": text(
            "amazon-order-id\tpurchase-date\torder-status\tsales-channel\tproduct-name\tsku\tquantity\tcurrency\titem-price\t"
            "item-tax\titem-promotion-discount\n"
            "111-1\t2024-07-01T08:00:00+00:00\tShipped\tAmazon.de\tMug\tM\t2\tEUR\t20.00\t3.80\t1.50\n"
            "111-1\t2024-07-01T08:00:00+00:00\tShipped\tAmazon.de\tMug\tM\t1\tEUR\t10.00\t1.90\t\n"
            "111-2\t2024-07-02T08:00:00+00:00\tCancelled\tAmazon.de\tMug\tM\t0\tEUR\t10.00\t\t\n"
            "111-3\t2024-07-03T08:00:00+00:00\tPending\tAmazon.de\tMug\tM\t1\tEUR\t\t\t\n"
            "111-4\t2024-08-03T08:00:00+00:00\tShipped - Delivered to Buyer\tAmazon.de\tPen\tP\t1\tEUR\t4.00\t\t\n"
        )
    },
    {"2024-07": money("28.50", 1, 0), "2024-08": money("4.00", 1, 0)},
)
# 1.00 off two lines of 3 x 2.00 and 4.00; order 2: 12.00 of which 3.00 went back (total with shipping 12.00, goods 9.00)
ETSY = Export(
    {
        "EtsySoldOrderItems2024.csv": text(
            "Sale Date,Item Name,Buyer,Quantity,Price,Discount Amount,Order Shipping,Item Total,Currency,Transaction ID,"
            "Listing ID,Order ID,SKU\n"
            "03/02/24,Ring,ann,3,2.00,1.00,0,6.00,EUR,900,70,1,R\n"
            "03/02/24,Cup,ann,1,4.00,0.00,0,4.00,EUR,901,71,1,\n"
            "04/12/24,Cup,bo,1,9.00,0.00,3.00,9.00,EUR,902,71,2,\n"
        ),
        "EtsySoldOrders2024.csv": text(
            "Sale Date,Order ID,Buyer User ID,First Name,Last Name,Ship Zipcode,Number of Items,Currency,Order Value,Discount Amount,Shipping,"
            "Order Total,Adjusted Order Total\n"
            "03/02/24,1,ann77,Ann,O,75008,2,EUR,10.00,1.00,0,9.00,0.00\n"
            "04/12/24,2,bo5,,,,1,EUR,9.00,0.00,3.00,12.00,9.00\n"
        ),
    },
    {"2024-03": money("9.00", 1, 1), "2024-04": money("6.75", 1, 1)},
)
GERMAN_TILL = Export(
    {
        "Kassenbons_2024.csv": (
            "Kassenexport;;;\r\nMandant: 0815;Zeitraum: 2024;;\r\n\r\n"
            "Bonnummer;Position;Datum;Uhrzeit;Filiale;Kundenkarte;Artikelnr;Bezeichnung;Menge;Einzelpreis;Rabatt;Betrag;Storno;zu Bon\r\n"
            "00000001;1;09.06.2024;09:13:20;Köln Süd;K-01;5002;Apfelsaft;2;2,19;0,00;4,38;N;\r\n"
            "00000001;2;09.06.2024;09:13:20;Köln Süd;K-01;3002;Grünkohl;0,440;3,49;0,15;1,39;N;\r\n"
            "00000002;1;30.06.2024;23:59:00;Köln Süd;;6001;Bräter;1;1.149,00;0,00;1.149,00;N;\r\n"
            "00000003;1;01.07.2024;10:00:00;Düren;K-01;5002;Apfelsaft;-1;2,19;0,00;-2,19;J;00000001\r\n"
            "Summe;;;;;;;;;;;1.152,58;;\r\n"
        ).encode("latin-1"),
    },
    {"2024-06": money("1154.77", 2, 1), "2024-07": money("-2.19", 0, 0)},
    rejected={"order_line_id is missing": 1},
)
CHINESE_SHOP = Export(
    {
        "销售明细.csv": (
            "订单编号,下单时间,会员号,商品编码,商品名称,数量,单价,优惠金额,实付金额,订单状态,门店\n"
            "D001,2024/1/5 10:30,V100,S1,苹果汁,2,12.50,5.00,20.00,已完成,南京路店\n"
            "D001,2024/1/5 10:30,V100,S2,绿茶,1,8.00,0.00,8.00,已完成,南京路店\n"
            "D002,2024/1/20 18:00,V101,S2,绿茶,3,8.00,0.00,24.00,已完成,南京路店\n"
            "D003,2024/2/1 09:00,V100,S1,苹果汁,1,12.50,0.00,12.50,已取消,南京路店\n"
            "D004,2024/2/2 09:00,,S1,苹果汁,4,12.50,0.00,50.00,已完成,南京路店\n"
        ).encode("gb18030")
    },
    {"2024-01": money("52.00", 2, 2), "2024-02": money("50.00", 1, 0)},
)
# an unknown system: its orders name their customers by address, its lines are in a file of their own
ORDERS_AND_LINES = Export(
    {
        "orders.csv": text(
            "Order No,Order Date,Email,First name,Surname,ZIP,Country,Coupon,utm_source\n"
            "1001,2024-05-01,ann@example.org,Ann,Lee,01067,DE,MAY10,news\n"
            "1002,2024-05-02,,,,,DE,,\n"
            "1003,2024-06-03,bo@example.org,Bo,Ny,75008,FR,,shop\n"
        ),
        "order_lines.csv": text(
            "Order No,Pos,Product,Qty,Unit price,Total\n"
            "1001,1,Mug,2,3.00,6.00\n"
            "1001,2,Pen,1,1.50,1.50\n"
            "1002,1,Pen,3,1.50,4.50\n"
            "1003,1,Mug,1,3.00,3.00\n"
        ),
    },
    {"2024-05": money("12.00", 2, 1), "2024-06": money("3.00", 1, 1)},
)
EXPORTS = {
    "shopify": SHOPIFY, "woocommerce": WOOCOMMERCE, "woocommerce_wide": WOOCOMMERCE_WIDE,
    "woocommerce_analytics": WOOCOMMERCE_ANALYTICS, "square": SQUARE, "stripe": STRIPE, "magento": MAGENTO, "amazon": AMAZON,
    "etsy": ETSY, "kassenbons": GERMAN_TILL, "chinese": CHINESE_SHOP,
    "order_lines": ORDERS_AND_LINES,
}  # fmt: skip
