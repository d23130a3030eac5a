"""Three sources whose `mapping:` uses every form, and what they deliver."""

# An export with order fields on an order's first row alone, and one whose orders are one row wide.
SHOP = """
name: shop_export
key_prefix: "s-"
tables:
  orders: {files: "shop-*.csv", replaces: order_id, date_order: dmy}
mapping:
  order_lines:
    from: orders
    fill_forward: {key: Order, columns: [E-Mail, State, Placed, Discount, Total]}
    values:
      kind: {cases: [{when: {Item: {starts_with: Gift}, Sku: {filled: false}}, value: {constant: gift}}],
        otherwise: {constant: goods}}
      gross: {product: [Price, Qty], places: 2}
      goods: {cases: [{when: {kind: goods}, value: gross}], otherwise: {constant: "0"}}
      share: {spread: Discount, by: goods, over: Order}
      goods_net: {difference: [goods, share]}
      refund: {share: Refunded, part: {total: goods_net, over: Order}, whole: Total}
      nth: {occurrence: [Order, Sku, Item]}
      item: {first_of: [Sku, Item]}
    filter:
      - {when: {kind: gift}, reason: gift_card}
      - {when: [{Item: {contains: [sample]}}, {Qty: {below: 0}}], reason: no sale}
    columns:
      order_line_id: {columns: [Order, item, nth]}
      order_id: Order
      customer_id: {hashed: [E-Mail, Phone]}
      ordered_at: {column: Placed, zone: Europe/Berlin}
      product_id: item
      quantity: Qty
      gross_amount: gross
      discount_amount: share
      channel: {constant: "web {1}"}
      store_id: {day_of: Placed, zone: Europe/Berlin}
      order_status: {column: State, values: {Paid: completed, Void: cancelled}}
    further_lines:
      - when: {Refunded: {above: 0}}
        columns:
          order_line_id: {columns: [Order, State]}
          quantity: {constant: 0}
          gross_amount: {difference: [{constant: 0}, refund]}
          discount_amount: {constant: 0}
          original_order_id: Order
"""
SHOP_ROWS = """Order,E-Mail,Phone,State,Placed,Discount,Total,Refunded,Item,Sku,Qty,Price
#1,Ann@Example.com ,,paid,01.07.2024 00:30,1.00,30.00,6.00,Mug,M1,1,10.00
#1,,,,,,,,Pen,P1,1,10.00
,,,,,,,,Pad,P2,1,10.00
#2,ann@example.com,,Paid,13.07.2024 12:00,,5.00,,Mug,M1,1,2.50
#2,,,,,,,,Mug,M1,1,2.50
#3,,+1 555,Paid,13.07.2024 12:00,2.00,52.00,1.00,Gift card,,1,50.00
#3,,,,,,,,"Cheese, 1 kg",,"0.335",7.45
#4,,,Void,13.07.2024 12:00,,9.00,,Mug,M1,1,9.00
#5,,,Odd,13.07.2024 12:00,,9.00,,Mug,M1,1,9.00
#6,,,Paid,13.07.2024 12:00,,9.00,,Free sample,,1,0
#7,,,***,13.07.2024 12:00,,9.00,,Mug,M1,1,9.00
"""
WIDE = """
name: wide_export
key_prefix: "w-"
tables:
  orders: {files: "wide-*.csv"}
mapping:
  order_lines:
    from: orders
    unpivot: {columns: {item: "line_item_{n}"}, up_to: 3}
    values:
      paid: {part_of: item, named: total}
      number: {part_of: item, named: quantity}
      sku: {part_of: item, named: sku}
      day: {day_of: when, format: "%b %d %Y %I:%M %p"}
    columns:
      order_id: order
      ordered_at: {column: when, format: "%b %d %Y %I:%M %p"}
      customer_id: customer
      product_id: sku
      store_id: {columns: [kind, day]}
      quantity: {negative: number, when: {kind: [return]}}
      net_amount: {negative: paid, when: {kind: [return]}}
      campaign_id: {constant: '{"'}
"""
WIDE_ROWS = """order,when,customer,kind,line_item_1,line_item_2
7,Jan 05 2024 02:05 PM,c1,sale,name:A|sku:a|quantity:2|total:5.00,name:B|sku:b|quantity:1|total:7.10
8,Jan 06 2024 09:00 AM,c1,return,name:A|sku:a|quantity:2|total:5.00,
9,Jan 32 2024 09:00 AM,c2,sale,name:A|sku:a|quantity:2|total:5.00,
10,Jan 06 2024 09:00 AM,c2,sale,,
"""
# Two tables with keys, as a database or a daily extract of one delivers them.
DEPOT = """
name: depot
key_prefix: "d-"
tables:
  heads: {files: "heads-*.csv", key: [id]}
  items: {files: "items-*.csv", key: [id]}
mapping:
  order_lines:
    from: items
    join: {head: {table: heads, by: {head_id: id}}}
    columns:
      order_line_id: id
      order_id: head_id
      customer_id: head.buyer
      ordered_at: {columns: [head.day, head.time]}
      product_id: product
      quantity: pieces
      gross_amount: {product: [price, pieces]}
      discount_amount: {spread: head.off, by: {product: [price, pieces]}, over: head_id, taken: largest}
      order_status: {column: head.state, values: {open: completed, lost: cancelled}}
"""
HEADS = "id,buyer,day,time,off,state\n"
ITEMS = "id,head_id,product,pieces,price\n"
DELIVERIES = (
    {
        "heads-1.csv": HEADS + "1,b1,2024-05-01,2:05 PM,1.00,open\n2,b2,2024-05-02,10:00,,open\n",
        "items-1.csv": ITEMS + "1,1,mug,1,10\n2,1,pen,1,10\n3,1,pad,1,10\n4,2,mug,1,4\n5,3,mug,1,4\n",
    },
    # order 2 is lost, line 2 moves from order 1 to order 2, and order 3 gets its head
    {
        "heads-2.csv": HEADS + "2,b9,2024-05-02,10:00,,lost\n3,b3,2024-05-03,,0.50,open\n",
        "items-2.csv": ITEMS + "2,2,pen,1,10\n",
    },
)
